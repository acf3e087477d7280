"""An organization's rows, many times over, written straight into the tables: whatever tables there are.

Each copy is a small world of its own: a copied row points to the copies of its neighbours, and texts that name a row
name its copy. The books do not add up afterwards; nobody asks them to.
"""

from collections.abc import Iterable, Iterator
from datetime import date, datetime, timedelta
from typing import Any

from django.apps import apps
from django.db import connection, models, transaction
from psycopg import sql
from psycopg.types.json import Jsonb

from accounts.models import Organization, User
from billing.models import LedgerCheck, StripeCheck, StripeEvent
from seedance_saas import ids

OF_NOBODY = (LedgerCheck, StripeCheck, StripeEvent)
FIRST_NUMBER = 1_000_000  # of copies whose keys are numbers
Row = dict[str, Any]
Names = dict[Any, Any]  # the key of a row -> that of its copy


def multiply(organization: Organization, rows_max: int) -> dict[str, int]:
    """Copy every row of the organization, its people and what hangs on both until there are about `rows_max` of each
    kind; how many were written, by table."""
    found = dict(_rows_of(organization))
    copies: dict[type[models.Model], list[Row]] = {model: [] for model in found}
    for number in range(1, rows_max + 1):
        open_kinds = [model for model in found if len(copies[model]) < rows_max]
        names = {
            row["pk"]: _new_key(model, row["pk"], number)
            for model in open_kinds
            for row in found[model]
        }
        for model in open_kinds:
            copies[model] += [
                _copy(model, row, number, names)
                for row in found[model]
                if not _hangs_on_no_copy(model, row, found, names)
            ]
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")
        for model, rows in copies.items():
            _write(cursor, model, rows)
    return {model._meta.db_table: len(rows) for model, rows in copies.items()}


def _rows_of(organization: Organization) -> Iterator[tuple[type[models.Model], list[Row]]]:
    """Each kind of which there may be many, with what there is of it."""
    kept: dict[type[models.Model], set[Any]] = {}
    waiting = [model for model in apps.get_models() if _may_be_many(model)]
    for _ in range(4):  # what hangs on what hangs on what hangs on it
        for model in list(waiting):
            rows = _hanging(model, organization, kept)
            if rows is None:
                continue
            waiting.remove(model)
            values = [_values(row) for row in rows if not _is_alone(row)]
            kept[model] = {row["pk"] for row in values}
            if values:
                yield model, values


def _hanging(
    model: type[models.Model], organization: Organization, kept: dict[type[models.Model], set[Any]]
) -> Iterable[models.Model] | None:
    """The rows of a kind that are the organization's or of what is; None for a kind that is neither (yet)."""
    if model is User:
        return User.objects.filter(memberships__organization=organization)
    if model in OF_NOBODY:
        return model._base_manager.all()
    for field in model._meta.concrete_fields:
        if field.related_model is Organization:
            return model._base_manager.filter(**{field.name: organization})
    for field in model._meta.concrete_fields:
        if field.related_model in kept:
            above = kept[field.related_model]
            return model._base_manager.filter(**{f"{field.attname}__in": above})
    return None


def _hangs_on_no_copy(
    model: type[models.Model], row: Row, found: dict[type[models.Model], list[Row]], names: Names
) -> bool:
    """Of something of which there are enough. What the organization itself has points to the first one then."""
    fields = model._meta.concrete_fields
    if any(field.related_model is Organization for field in fields):
        return False
    return any(
        field.related_model in found and row[field.attname] not in {None, *names}
        for field in fields
    )


def _may_be_many(model: type[models.Model]) -> bool:
    """Not what an organization has once: its wallet, one set of terms for each role."""
    return all(
        any(_can_differ(model, name) for name in group)
        for group, condition in _unique_together(model)
        if condition is None
    )


def _is_alone(row: models.Model) -> bool:
    """Of a kind of which there may be many, the one of which there is one: the account of what is held."""
    model = type(row)
    against = {
        field.name: models.Value(getattr(row, field.attname), output_field=field)
        for field in model._meta.concrete_fields
        if field.related_model is None
    } | {
        field.name: getattr(row, field.attname)
        for field in model._meta.concrete_fields
        if field.related_model
    }
    return any(
        condition.check(against)
        for group, condition in _unique_together(model)
        if condition and not any(_can_differ(model, name) for name in group)
    )


def _can_differ(model: type[models.Model], name: str) -> bool:
    field = model._meta.get_field(name)
    assert isinstance(field, models.Field)
    if field.related_model is Organization or field.choices:
        return False
    return not isinstance(field, models.BooleanField)


def _unique_together(
    model: type[models.Model],
) -> list[tuple[tuple[str, ...], models.Q | None]]:
    """What must be different, and when."""
    groups: list[tuple[tuple[str, ...], models.Q | None]] = [
        ((field.name,), None) for field in model._meta.concrete_fields if field.unique
    ]
    groups += [(tuple(group), None) for group in model._meta.unique_together]
    return groups + [
        (tuple(constraint.fields), constraint.condition)
        for constraint in model._meta.constraints
        if isinstance(constraint, models.UniqueConstraint) and constraint.fields
    ]


def _values(row: models.Model) -> Row:
    fields = {field.attname: getattr(row, field.attname) for field in row._meta.concrete_fields}
    return {"pk": row.pk, **fields}


def _copy(model: type[models.Model], row: Row, number: int, names: Names) -> Row:
    values = {name: value for name, value in row.items() if name != "pk"}
    for field in model._meta.concrete_fields:
        value = values[field.attname]
        if field.primary_key or field.related_model:
            values[field.attname] = names.get(value, value)
        elif isinstance(value, str):
            values[field.attname] = _renamed(value, names)
    for group, _ in _unique_together(model):
        fields = [model._meta.get_field(name) for name in group]
        assert all(isinstance(field, models.Field) for field in fields)
        if all(values[field.attname] == row[field.attname] for field in fields):  # type: ignore[union-attr]
            _make_different(fields, values, number)  # type: ignore[arg-type]
    return values


def _make_different(fields: list["models.Field[Any, Any]"], values: Row, number: int) -> None:
    for field in fields:
        value = values[field.attname]
        if field.related_model or field.choices or value in (None, ""):
            continue
        if isinstance(value, str):
            text = f"{number}.{value}"
            values[field.attname] = text if "@" in text else text[: field.max_length]
        elif isinstance(value, date) and not isinstance(value, datetime):
            values[field.attname] = value - timedelta(days=number)
        elif isinstance(value, datetime):
            values[field.attname] = value - timedelta(seconds=number)
        elif isinstance(value, int) and not isinstance(value, bool):
            for name in [name for name in values if name.endswith("number")] or [field.attname]:
                values[name] += number * 1000
        return


def _new_key(model: type[models.Model], key: Any, number: int) -> Any:
    if not isinstance(key, str):
        return FIRST_NUMBER + number * 1000 + key % 1000
    prefix, _, rest = key.partition("_")
    return ids.new(prefix) if len(rest) == 32 else f"{number}.{key}"[:60]


def _renamed(text: str, names: Names) -> str:
    """`generation:gen_…` names the copy, too."""
    head, colon, last = text.rpartition(":")
    return f"{head}{colon}{names.get(last, last)}"


def _write(cursor: Any, model: type[models.Model], rows: list[Row]) -> None:
    if not rows:
        return
    fields = model._meta.concrete_fields
    columns = [sql.Identifier(str(field.column)) for field in fields]
    into = sql.SQL("COPY {} ({}) FROM STDIN").format(
        sql.Identifier(model._meta.db_table), sql.SQL(", ").join(columns)
    )
    with cursor.copy(into) as copy:
        for row in rows:
            copy.write_row(
                [
                    Jsonb(row[field.attname])
                    if isinstance(field, models.JSONField)
                    else row[field.attname]
                    for field in fields
                ]
            )
    cursor.execute(sql.SQL("ANALYZE {}").format(sql.Identifier(model._meta.db_table)))
