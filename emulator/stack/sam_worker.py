"""The process that runs AWS's SAM translator: a request on its input, an answer on its output.

Only this module imports ``samtranslator``.
"""

from __future__ import annotations

import json
import logging
import sys
from typing import Any


def main() -> None:
    """Translate one template."""
    logging.disable(logging.CRITICAL)
    request = json.load(sys.stdin)
    # The translator's own prints must not stand in the answer.
    out, sys.stdout = sys.stdout, sys.stderr
    json.dump(translate(**request), out)


def translate(template: dict[str, Any], parameters: dict[str, Any], region: str) -> dict[str, Any]:
    """Return ``{"template": …}``, or ``{"error": …}`` in SAM's words."""
    import boto3
    from samtranslator.model.exceptions import InvalidDocumentException
    from samtranslator.parser.parser import Parser
    from samtranslator.translator.translator import Translator

    translator = Translator({}, Parser(), boto_session=boto3.session.Session(region_name=region))
    try:
        return {"template": translator.translate(template, parameters)}
    except InvalidDocumentException as error:
        causes = sorted((cause.message for cause in error.causes), key=str)
        return {
            "error": "Transform AWS::Serverless-2016-10-31 failed with: Invalid Serverless"
            f" Application Specification document. Number of errors found: {len(causes)}. "
            + " ".join(causes)
        }


if __name__ == "__main__":
    main()
