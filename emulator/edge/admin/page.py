"""The admin API's description as a page."""

from __future__ import annotations

from html import escape
from typing import Any

from emulator.edge.admin.views import PREFIX


def render(schema: dict[str, Any]) -> str:
    """Return the OpenAPI description as a page without scripts."""
    rows = []
    for path, methods in schema["paths"].items():
        for method, operation in methods.items():
            parameters = ", ".join(
                parameter["name"] for parameter in operation.get("parameters", ())
            )
            rows.append(
                f"<tr><td>{escape(method.upper())}</td><td><code>{escape(path)}</code></td>"
                f"<td><code>{escape(parameters)}</code></td>"
                f"<td><b>{escape(operation.get('summary', ''))}</b><br>"
                f"{escape(operation.get('description', ''))}</td></tr>"
            )
    return (
        "<!doctype html><html lang=en><meta charset=utf-8>"
        f"<title>{escape(schema['info']['title'])}</title>"
        "<style>body{font:15px system-ui;margin:2em}td,th{padding:.4em .8em;text-align:left;"
        "vertical-align:top;border-top:1px solid #ccc}</style>"
        f"<h1>{escape(schema['info']['title'])} {escape(schema['info']['version'])}</h1>"
        f'<p>For tools: <a href="{PREFIX}/openapi.json">openapi.json</a>.</p>'
        "<table><tr><th>Method</th><th>Path</th><th>Parameters</th><th>What it does</th></tr>"
        f"{''.join(rows)}</table></html>"
    )
