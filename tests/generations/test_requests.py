"""What is understood: defaults, aliases, and the forms in which people write the same thing."""

from typing import Any

import pytest

from generations import catalog
from tests.generations.steps import BODY, IMAGE, REFERENCE, TEXT, Line

URL = "https://acme.example/file"


@pytest.mark.parametrize(
    ("alias", "slug"),
    [
        ("bytedance-seedance-2-0-text-to-video-fast", "seedance-2.0-fast-text-to-video"),
        ("bytedance/seedance-2.0/fast/text-to-video", "seedance-2.0-fast-text-to-video"),
        ("bytedance-seedance-2-0-fast-text-to-video", "seedance-2.0-fast-text-to-video"),
        ("bytedance-seedance-2-0-reference-to-video", "seedance-2.0-reference-to-video"),
        ("bytedance/seedance-2.0/reference-to-video", "seedance-2.0-reference-to-video"),
    ],
)
def test_an_upstreams_slug_is_an_alias(line: Line, alias: str, slug: str) -> None:
    assert line.create(model=alias).model == slug


def test_no_two_models_share_a_name() -> None:
    names = [name for model in catalog.MODELS for name in (model.slug, *model.aliases)]

    # EachLabs and Oxen write the standard models the same way.
    assert len(catalog.MODELS) == 6
    assert {catalog.find(name) for name in names} == set(catalog.MODELS)


def test_what_is_not_said_has_its_default(line: Line) -> None:
    response = line.api.post("/generations", {"model": TEXT, "prompt": "a kite"})

    assert response.json()["input"] == {
        "prompt": "a kite",
        "resolution": "720p",
        "duration": "auto",
        "aspect_ratio": "auto",
        "generate_audio": True,
        "seed": None,
    }
    assert response.json()["price"]["held_usd"] == "3.6285"  # 15 s at $0.2419


@pytest.mark.parametrize(
    ("field", "given", "understood"),
    [
        ("duration", "5", 5),
        ("duration", 15, 15),
        ("duration", "auto", "auto"),
        ("duration", None, "auto"),
        ("seed", "42", 42),
        ("seed", 0, 0),
        ("seed", 2_147_483_647, 2_147_483_647),
        ("generate_audio", False, False),
        ("resolution", None, "720p"),
        ("aspect_ratio", "21:9", "21:9"),
    ],
)
def test_a_value_is_understood(line: Line, field: str, given: Any, understood: Any) -> None:
    assert line.create(**{field: given}).input[field] == understood


def test_a_list_of_files_may_be_a_single_text(line: Line) -> None:
    generation = line.create(model=REFERENCE, image_urls=URL, video_urls=[URL], audio_urls=None)

    assert generation.input["image_urls"] == [URL]
    assert generation.input["video_urls"] == [URL]
    assert generation.input["audio_urls"] == []


def test_the_most_files_are_twelve(line: Line) -> None:
    generation = line.create(
        model=REFERENCE, image_urls=[URL] * 9, video_urls=[URL] * 2, audio_urls=[URL]
    )

    assert generation.input_files.count() == 12


def test_a_prompt_may_mention_what_was_given(line: Line) -> None:
    line.create(
        model=REFERENCE,
        prompt="@Image2 walks like @Video1 to @Audio1; write to ann@Image9.example",
        image_urls=[URL] * 2,
        video_urls=[URL],
        audio_urls=[URL],
    )
    line.create(model=IMAGE, prompt="from @Image1 to @Image2", image_url=URL, end_image_url=URL)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("end_user_id", "u" * 255),
        ("metadata", {f"k{number}": "v" * 500 for number in range(50)}),
        ("metadata", {"k" * 40: ""}),
        ("metadata", {}),
    ],
)
def test_a_label_is_kept_as_it_was_given(line: Line, field: str, value: Any) -> None:
    assert line.api.post("/generations", {**BODY, field: value}).json()[field] == value
