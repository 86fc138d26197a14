"""The dashboard at /_emulator/: pages that show what environments and invocations live through.

The pages are templates filled here (Jinja2), and scripts without a build step under ``static``. It is
imported when the first page is asked for, and does without FastAPI: the first page is there while the
admin API, from which it gets its figures, is still being imported.
"""
