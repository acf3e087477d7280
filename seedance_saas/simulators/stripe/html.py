"""The look of the hosted pages: plain HTML, one style, nothing to load and no script."""

from datetime import UTC, datetime
from html import escape

STYLE = """
:root { color-scheme: light dark; --line: #8884; --quiet: light-dark(#555b66, #a4abb8);
  --accent: light-dark(#4b3fd4, #9a90ff); --on-accent: light-dark(#fff, #14121f);
  --bad: light-dark(#a8201a, #ff9c94); --good: light-dark(#166534, #7ddc9a); }
* { box-sizing: border-box }
body { margin: 0; padding: 16px; font: 16px/1.5 system-ui, sans-serif;
  background: light-dark(#fbfbfd, #14151a); color: light-dark(#1a1d24, #e8eaf0) }
main { max-width: 34rem; margin: 0 auto }
header { max-width: 34rem; margin: 0 auto 16px; display: flex; justify-content: space-between;
  color: var(--quiet); font-size: 14px; border-bottom: 1px solid var(--line); padding-bottom: 8px }
h1 { font-size: 24px; margin: 16px 0 8px } h2 { font-size: 17px; margin: 24px 0 8px }
a { color: var(--accent) } p { margin: 8px 0 } small, .quiet { color: var(--quiet); font-size: 14px }
.total { font-size: 32px; font-weight: 600; font-variant-numeric: tabular-nums; margin: 0 }
table { width: 100%; border-collapse: collapse; font-variant-numeric: tabular-nums }
td, th { padding: 6px 0; border-bottom: 1px solid var(--line); text-align: left; font-weight: 400;
  vertical-align: top } td.amount { text-align: right; white-space: nowrap }
dl { display: grid; grid-template-columns: max-content 1fr; gap: 4px 16px } dt { color: var(--quiet) }
dd { margin: 0; overflow-wrap: anywhere }
label, legend { display: block; font-size: 14px; margin: 12px 0 4px; padding: 0 }
fieldset { border: 1px solid var(--line); border-radius: 8px; padding: 4px 16px 16px; margin: 16px 0 }
label.choice { display: flex; gap: 8px; align-items: center; font-size: 16px; min-height: 32px }
input:not([type=radio], [type=checkbox]), select { width: 100%; font: inherit; padding: 10px 12px;
  border: 1px solid light-dark(#777d8a, #7d8493); border-radius: 6px; background: light-dark(#fff, #1c1e26);
  color: inherit; min-height: 44px }
.row { display: grid; grid-template-columns: repeat(auto-fit, minmax(8rem, 1fr)); gap: 0 12px }
button { font: inherit; font-weight: 600; border: 1px solid var(--accent); border-radius: 6px; padding: 10px 16px;
  min-height: 44px; background: var(--accent); color: var(--on-accent); cursor: pointer; margin: 16px 8px 0 0 }
button.second { background: transparent; color: var(--accent) } button.wide { width: 100% }
td button { margin: 0 0 0 8px; padding: 2px 10px; min-height: 32px; font-size: 14px }
td form { display: inline }
.error { border-left: 4px solid var(--bad); color: var(--bad); padding: 8px 12px }
.good { border-left: 4px solid var(--good); color: var(--good); padding: 8px 12px }
code { font-size: 14px; white-space: nowrap }
summary { cursor: pointer; min-height: 32px } details { margin-top: 24px }
:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px }
"""


def document(title: str, body: str, *, aside: str = "") -> str:
    """A whole page. `body` and `aside` are HTML, whose texts are already escaped."""
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<link rel="icon" href="data:,">'
        f"<title>{escape(title)} · Stripe simulator</title><style>{STYLE}</style></head><body>"
        f"<header><span>Stripe simulator</span><span>{aside}</span></header>"
        f"<main>{body}</main></body></html>"
    )


def money(amount: int, currency: str) -> str:
    """-1250, "usd" -> "−$12.50"."""
    sign = "−" if amount < 0 else ""
    whole, cents = divmod(abs(amount), 100)
    if currency == "usd":
        return f"{sign}${whole:,}.{cents:02d}"
    return f"{sign}{whole:,}.{cents:02d} {currency.upper()}"


def moment(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%-d %B %Y, %H:%M UTC")


def error(message: str) -> str:
    return f'<p class="error" role="alert">{escape(message)}</p>' if message else ""
