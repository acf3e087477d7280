"""What every answer tells the browser, whatever it is and whoever made it: page, API, file or error."""

from collections.abc import Callable

from django.http import HttpRequest
from django.http.response import HttpResponseBase

# What our pages use of the browser; everything else is refused to them and to whatever gets into them.
PERMISSIONS = ", ".join(
    [
        "autoplay=(self)",
        "clipboard-write=(self)",
        "fullscreen=(self)",
        "picture-in-picture=(self)",
        "publickey-credentials-create=(self)",
        "publickey-credentials-get=(self)",
        *(
            f"{feature}=()"
            for feature in (
                "accelerometer",
                "camera",
                "display-capture",
                "geolocation",
                "gyroscope",
                "hid",
                "magnetometer",
                "microphone",
                "midi",
                "payment",
                "screen-wake-lock",
                "serial",
                "usb",
                "xr-spatial-tracking",
            )
        ),
    ]
)
ALWAYS = {
    "X-Frame-Options": "DENY",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Permissions-Policy": PERMISSIONS,
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}


class HeadersMiddleware:
    """Outermost, so that no answer comes about behind its back. What a view said itself stays."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        for name, value in ALWAYS.items():
            response.setdefault(name, value)
        return response
