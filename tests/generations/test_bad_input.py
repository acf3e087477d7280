"""Every fault names the field and what is allowed, and nothing is written."""

from typing import Any

import pytest
from django.test import Client

from accounts.models import Organization
from tests.generations.steps import BODY, IMAGE, REFERENCE, TEXT, nothing_happened, refused
from tests.world import Api

URL = "https://acme.example/file"
DURATIONS = ["auto", *range(4, 16)]
RATIOS = ["auto", "21:9", "16:9", "4:3", "1:1", "3:4", "9:16"]
WITH_FILES = {**BODY, "model": REFERENCE}


@pytest.mark.parametrize(
    ("fields", "param", "details"),
    [
        ({"duration": 3}, "duration", {"allowed": DURATIONS}),
        ({"duration": 16}, "duration", {"allowed": DURATIONS}),
        ({"duration": "16"}, "duration", {"allowed": DURATIONS}),
        ({"duration": 4.5}, "duration", {"allowed": DURATIONS}),
        ({"duration": 5.0}, "duration", {"allowed": DURATIONS}),
        ({"duration": True}, "duration", {"allowed": DURATIONS}),
        ({"duration": "-5"}, "duration", {"allowed": DURATIONS}),
        ({"duration": "٥"}, "duration", {"allowed": DURATIONS}),
        ({"duration": [5]}, "duration", {"allowed": DURATIONS}),
        ({"resolution": "4k"}, "resolution", {"allowed": ["480p", "720p"]}),
        ({"resolution": ["720p"]}, "resolution", {"allowed": ["480p", "720p"]}),
        ({"aspect_ratio": "2:1"}, "aspect_ratio", {"allowed": RATIOS}),
        ({"generate_audio": "yes"}, "generate_audio", {"allowed": [True, False]}),
        ({"generate_audio": 1}, "generate_audio", {"allowed": [True, False]}),
        ({"seed": -1}, "seed", {"at_least": 0, "at_most": 2_147_483_647}),
        ({"seed": 2_147_483_648}, "seed", {"at_least": 0, "at_most": 2_147_483_647}),
        ({"seed": "4.2"}, "seed", {"at_least": 0, "at_most": 2_147_483_647}),
        ({"seed": True}, "seed", {"at_least": 0, "at_most": 2_147_483_647}),
        ({"num_generations": 0}, "num_generations", {"at_least": 1, "at_most": 4}),
        ({"num_generations": 5}, "num_generations", {"at_least": 1, "at_most": 4}),
        ({"end_user_id": ""}, "end_user_id", {"length_max": 255}),
        ({"end_user_id": "u" * 256}, "end_user_id", {"length_max": 255}),
        ({"end_user_id": 7}, "end_user_id", {"length_max": 255}),
        ({"prompt": "p" * 10_001}, "prompt", {"length_max": 10_000}),
    ],
)
def test_a_value_that_is_not_allowed(
    acme: Organization, api: Api, fields: dict[str, Any], param: str, details: dict[str, Any]
) -> None:
    error = refused(api.post("/generations", {**BODY, **fields}), 400, "invalid_request", param)

    assert error["details"] == details
    assert param in error["message"]
    nothing_happened(acme)


@pytest.mark.parametrize("prompt", [None, "", "  \n", 7, ["a kite"]])
def test_a_prompt_is_required(acme: Organization, api: Api, prompt: Any) -> None:
    body = {**BODY, "prompt": prompt}

    refused(api.post("/generations", body), 400, "invalid_request", "prompt")
    nothing_happened(acme)


@pytest.mark.parametrize("model", [None, "", "sora", 7, ["seedance-2.0-text-to-video"]])
def test_a_model_of_ours_is_required(acme: Organization, api: Api, model: Any) -> None:
    body = {**BODY, "model": model}

    error = refused(api.post("/generations", body), 400, "invalid_request", "model")

    assert error["details"]["allowed"] == [
        "seedance-2.0-text-to-video",
        "seedance-2.0-image-to-video",
        "seedance-2.0-reference-to-video",
        "seedance-2.0-fast-text-to-video",
        "seedance-2.0-fast-image-to-video",
        "seedance-2.0-fast-reference-to-video",
    ]
    nothing_happened(acme)


def test_a_field_that_is_not_known(acme: Organization, api: Api) -> None:
    error = refused(
        api.post("/generations", {**BODY, "resolutoin": "480p"}), 400, "unknown_field", "resolutoin"
    )

    assert "resolution" in error["details"]["allowed"]
    nothing_happened(acme)


def test_1080p_is_refused_with_the_reason(acme: Organization, api: Api) -> None:
    body = {**BODY, "model": "seedance-2.0-text-to-video", "resolution": "1080p"}

    error = refused(api.post("/generations", body), 400, "invalid_request", "resolution")

    assert "the provider does not list it" in error["message"]
    assert error["details"] == {"allowed": ["480p", "720p"]}
    nothing_happened(acme)


@pytest.mark.parametrize(
    ("mention", "fields", "given"),
    [
        ("@Image2", {"image_urls": [URL]}, 1),
        ("@Image0", {"image_urls": [URL]}, 1),
        ("@Video1", {"image_urls": [URL]}, 0),
        ("@Audio1", {"image_urls": [URL]}, 0),
        ("@Image99999999999999999999", {"image_urls": [URL] * 9}, 9),
    ],
)
def test_a_mention_of_a_file_that_was_not_given(
    acme: Organization, api: Api, mention: str, fields: dict[str, Any], given: int
) -> None:
    body = {**WITH_FILES, **fields, "prompt": f"like {mention}"}

    error = refused(api.post("/generations", body), 400, "invalid_request", "prompt")

    # Of a number that no list could ever have, four digits are enough to know it by.
    assert error["details"] == {"mention": mention[:10], "given": given}
    nothing_happened(acme)


@pytest.mark.parametrize(
    ("fields", "param", "details"),
    [
        ({"image_urls": [URL] * 10}, "image_urls", {"limit": "images_max", "at_most": 9}),
        ({"video_urls": [URL] * 4}, "video_urls", {"limit": "videos_max", "at_most": 3}),
        (
            {"image_urls": [URL], "audio_urls": [URL] * 4},
            "audio_urls",
            {"limit": "audios_max", "at_most": 3},
        ),
        (
            {"image_urls": [URL] * 9, "video_urls": [URL] * 3, "audio_urls": [URL]},
            "image_urls",
            {"limit": "files_max", "at_most": 12},
        ),
        ({"audio_urls": [URL]}, "audio_urls", {}),
        ({"image_urls": {"url": URL}}, "image_urls", {}),
        ({"image_urls": [[URL]]}, "image_urls", {}),
    ],
)
def test_too_many_files_or_a_wrong_combination(
    acme: Organization, api: Api, fields: dict[str, Any], param: str, details: dict[str, Any]
) -> None:
    response = api.post("/generations", {**WITH_FILES, **fields})

    assert refused(response, 400, "invalid_request", param)["details"] == details
    nothing_happened(acme)


@pytest.mark.parametrize("image_url", [None, "", [], [URL, URL], 7])
def test_image_to_video_needs_one_image(acme: Organization, api: Api, image_url: Any) -> None:
    body = {**BODY, "model": IMAGE, "image_url": image_url, "end_image_url": URL}

    refused(api.post("/generations", body), 400, "invalid_request", "image_url")
    nothing_happened(acme)


@pytest.mark.parametrize(
    ("model", "field", "allowed"),
    [
        (TEXT, "image_url", []),
        (TEXT, "image_urls", []),
        (IMAGE, "image_urls", ["image_url", "end_image_url"]),
        (REFERENCE, "image_url", ["image_urls", "video_urls", "audio_urls"]),
    ],
)
def test_a_field_of_another_model(
    acme: Organization, api: Api, model: str, field: str, allowed: list[str]
) -> None:
    body = {**BODY, "model": model, field: URL, **({"image_url": URL} if model == IMAGE else {})}

    error = refused(api.post("/generations", body), 400, "invalid_request", field)

    assert error["details"] == {"allowed": allowed}
    nothing_happened(acme)


@pytest.mark.parametrize(
    "url",
    [
        "http://acme.example/kite.jpg",
        "ftp://acme.example/kite.jpg",
        "//acme.example/kite.jpg",
        "kite.jpg",
        "data:image/png,iVBORw0KGgo=",
        "data:image/png;base64,iVBOR!",
        "data:image/png;base64,",
        "data:",
        "upload:",
        "upload:../../etc/passwd",
        "https://",
        "https:///kite.jpg",
        "https://[::1",
        "https://acme.example:99999/kite.jpg",
        "https://acme.example:8443/kite.jpg",
        "https://localhost/kite.jpg",
        "https://localhost./kite.jpg",
        "https://LOCALHOST/kite.jpg",
        "https://db.internal/kite.jpg",
        "https://printer.local/kite.jpg",
        "https://127.0.0.1/kite.jpg",
        "https://127.0.0.1./kite.jpg",
        "https://10.0.0.7/kite.jpg",
        "https://172.16.0.1/kite.jpg",
        "https://192.168.1.1/kite.jpg",
        "https://169.254.169.254/latest/meta-data",
        "https://100.64.0.1/kite.jpg",
        "https://0.0.0.0/kite.jpg",
        "https://224.0.0.1/kite.jpg",
        "https://2130706433/",
        "https://0x7f000001/",
        "https://0x7f.1/",
        "https://0177.0.0.1/",
        "https://127.1/",
        "https://[::1]/kite.jpg",
        "https://[::]/kite.jpg",
        "https://[fe80::1]/kite.jpg",
        "https://[fd00::1]/kite.jpg",
        "https://[::ffff:127.0.0.1]/kite.jpg",
        "https://[::ffff:a00:1]/kite.jpg",
        "https://[64:ff9b::7f00:1]/kite.jpg",
        "https://[2002:7f00:1::]/kite.jpg",
        "https://ann:secret@acme.example/kite.jpg",
        "https://ann@acme.example/kite.jpg",
        "https://acme.example/" + "k" * 2048,
    ],
)
def test_an_address_that_is_not_public(acme: Organization, api: Api, url: str) -> None:
    body = {**BODY, "model": IMAGE, "image_url": url}

    refused(api.post("/generations", body), 400, "invalid_request", "image_url")
    nothing_happened(acme)


@pytest.mark.parametrize(
    "metadata",
    [
        {f"k{number}": "v" for number in range(51)},
        {"k" * 41: "v"},
        {"": "v"},
        {"k": "v" * 501},
        {"k": 1},
        {"k": {"nested": "v"}},
        ["k"],
        "k",
    ],
)
def test_metadata_beyond_its_limits(acme: Organization, api: Api, metadata: Any) -> None:
    response = api.post("/generations", {**BODY, "metadata": metadata})

    error = refused(response, 400, "invalid_request", "metadata")
    assert all(limit in error["message"] for limit in ("50", "40", "500"))
    nothing_happened(acme)


@pytest.mark.parametrize("amount", ["", "-1", "0.1234567", "1e3", "NaN", " 1", 0.5, 1, True, "٣"])
def test_a_max_cost_that_is_no_amount(acme: Organization, api: Api, amount: Any) -> None:
    response = api.post("/generations", {**BODY, "max_cost_usd": amount})

    refused(response, 400, "invalid_request", "max_cost_usd")
    nothing_happened(acme)


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"[1]",
        b'"a kite"',
        b"null",
        b"\xff\xfe",
        b'{"seed": NaN}',
        b'{"prompt": "\\u0000"}',
        b'{"prompt": "\\ud800"}',
        b"[" * 100_000,
    ],
)
def test_a_body_that_is_no_json_object(acme: Organization, api: Api, body: bytes) -> None:
    refused(api.post("/generations", body), 400, "invalid_json", None)
    nothing_happened(acme)


def test_a_body_of_more_than_a_megabyte(acme: Organization, api: Api) -> None:
    body = b'{"prompt": "' + b"p" * 1_000_000 + b'"}'

    error = refused(api.post("/generations", body), 413, "payload_too_large", None)

    assert error["details"] == {"bytes_max": 1_000_000}
    nothing_happened(acme)


def test_a_body_in_another_format(acme: Organization, api: Api) -> None:
    response = Client().post(
        "/api/v1/generations", "<a/>", content_type="application/xml", headers=api.headers
    )

    refused(response, 415, "unsupported_media_type", None)
    nothing_happened(acme)


@pytest.mark.parametrize("key", ["", "k" * 256])
def test_an_idempotency_key_of_a_wrong_length(acme: Organization, api: Api, key: str) -> None:
    response = api.post("/generations", BODY, **{"Idempotency-Key": key})

    error = refused(response, 400, "invalid_request", "Idempotency-Key")
    assert error["details"] == {"length_max": 255}
    nothing_happened(acme)
