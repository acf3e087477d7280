"""A prompt means the same files, however a provider counts them."""

import pytest

from generations import catalog, mentions
from generations.providers import eachlabs_wire
from generations.providers.base import JobRequest

FACES = {("image_urls", 1), ("video_urls", 2)}
FILES = {
    "image_urls": ["a", "b with a face", "c"],
    "video_urls": ["d", "e", "f with a face"],
    "audio_urls": ["g"],
}


def at_oxen(field: str, position: int) -> str:
    faces = "face_" if (field, position) in FACES else ""
    return f"input_{faces}{field.removesuffix('_urls')}s"


def test_eachlabs_and_fal_count_as_we_do() -> None:
    prompt = "@Image1 meets @Image3 as in @Video2, to @Audio1; again @Image1"

    assert mentions.for_provider("eachlabs", prompt, FILES) == prompt
    assert mentions.for_provider("fal", prompt, FILES) == prompt


def test_a_provider_that_counts_faces_first_gets_other_numbers() -> None:
    """It counts b, a, c and f, d, e. All change at once: what became 2 is not changed again."""
    prompt = "@Image1, @Image2, @Image3; @Video1, @Video2, @Video3; @Audio1; @Image2!"

    told = mentions.for_provider("oxen", prompt, FILES, at_oxen)

    assert told == "@Image2, @Image1, @Image3; @Video2, @Video3, @Video1; @Audio1; @Image1!"


def test_without_faces_nothing_is_renumbered() -> None:
    def put(field: str, position: int) -> str:
        return f"input_{field.removesuffix('_urls')}s"

    prompt = "@Image3 and @Video1"

    assert mentions.for_provider("oxen", prompt, FILES, put) == prompt


def test_the_last_frame_is_the_second_picture_everywhere() -> None:
    frames = {"end_image_url": ["z"], "image_url": ["a"]}
    put = {"image_url": "input_image", "end_image_url": "tail_image_url"}

    for provider, names in (("eachlabs", None), ("fal", None), ("oxen", put)):
        told = mentions.for_provider(
            provider,
            "from @Image1 to @Image2",
            frames,
            (lambda field, _: put[field]) if names else mentions.as_given,
        )
        assert told == "from @Image1 to @Image2"


@pytest.mark.parametrize(
    "prompt",
    ["@Image0", "@Image4", "@Image99999999999", "me@Image1", "@Image1st", "@image1", "@Images"],
)
def test_what_mentions_no_file_stays(prompt: str) -> None:
    assert mentions.for_provider("oxen", prompt, FILES, at_oxen) == prompt


def test_nine_pictures_are_a_rearrangement_of_one_to_nine() -> None:
    files = {"image_urls": list("abcdefghi")}
    prompt = " ".join(f"@Image{number}" for number in range(1, 10))

    told = mentions.for_provider(
        "oxen",
        prompt,
        files,
        lambda _, position: "input_face_images" if position % 2 else "input_images",
    )

    assert told == "@Image5 @Image1 @Image6 @Image2 @Image7 @Image3 @Image8 @Image4 @Image9"


def test_every_provider_of_the_table_has_an_order_for_every_kind() -> None:
    providers = {provider for model in catalog.MODELS for provider in model.slugs}

    assert set(catalog.FILE_ORDER) == providers
    assert {tuple(order) for order in catalog.FILE_ORDER.values()} == {("Image", "Video", "Audio")}


def test_the_adapter_sends_the_prompt_in_its_providers_count() -> None:
    job = JobRequest(
        model=catalog.MODELS[2],
        prompt="@Image1 beside @Image2",
        resolution="480p",
        duration_seconds=4,
        aspect_ratio="auto",
        generate_audio=True,
        seed=None,
        files={"image_urls": ["a", "b"]},
    )
    assert eachlabs_wire.job_input(job)["prompt"] == "@Image1 beside @Image2"

    def put(field: str, position: int) -> str:
        return "input_face_images" if position else "input_images"

    assert job.prompt_for("oxen", put) == "@Image2 beside @Image1"
