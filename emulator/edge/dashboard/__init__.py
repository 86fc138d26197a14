"""The dashboard at /_emulator/: pages that show what environments and invocations live through.

The pages are templates (Jinja2), and scripts without a build step under ``static``. The package is
imported when the first page is asked for. It does without FastAPI, so that the page is there while
the admin API, which has its figures, is still being imported.
"""
