"""Products."""

from tests.simulators.stripe.till import Till, refused


def test_a_product_may_bring_its_own_id(till: Till) -> None:
    made = till.v1.products.create({"id": "credits", "name": "Credits"})

    assert till.v1.products.retrieve("credits").name == "Credits"
    assert made.active
    error = refused(till.v1.products.create, {"id": "credits", "name": "Again"})
    assert error.code == "resource_already_exists"


def test_a_product_is_changed_and_listed(till: Till) -> None:
    till.v1.products.create({"id": "old", "name": "Old"})
    till.v1.products.create({"id": "new", "name": "New"})

    till.v1.products.update("old", {"active": False, "metadata": {"a": "b"}})

    assert [one.id for one in till.v1.products.list({"active": True}).data] == ["new"]
    assert [one.id for one in till.v1.products.list({"ids": ["old"]}).data] == ["old"]
    assert till.told()[-1] == "product.updated"
