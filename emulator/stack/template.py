"""Read what to serve: from a SAM or CloudFormation template, or from bare folders.

What a template says in a property that matters here is either understood or refused with a
sentence that names it; what does not matter is listed in ``FunctionDeclaration.ignored``.

Source: https://docs.aws.amazon.com/serverless-application-model/latest/developerguide/
sam-specification.html
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from emulator.model.arn import function_arn
from emulator.model.errors import ConfigurationError
from emulator.stack import conventional
from emulator.stack import layers as template_layers
from emulator.stack import queues as template_queues
from emulator.stack.declarations import Declarations, FunctionDeclaration
from emulator.stack.document import Referent, Values, is_call, load
from emulator.stack.functions import LAMBDA, SERVERLESS, FunctionReader

#: The names by which a template is found in a folder.
TEMPLATES = ("template.yaml", "template.yml", "template.json")
#: How files end that are taken for a template by mistake.
_CODE = (".py", ".js", ".mjs", ".cjs")
#: Made by the first line; what matters is its name.
_LOG_GROUP = "AWS::Logs::LogGroup"
_READ = (
    *(SERVERLESS, LAMBDA, _LOG_GROUP, template_queues.QUEUE, template_queues.MAPPING),
    *template_layers.KINDS,
)
#: Permissions are not asked for here, so nobody misses what grants them.
_NEEDLESS = ("AWS::IAM::", "AWS::Lambda::Permission", "AWS::SQS::QueuePolicy")


def read(
    path: Path,
    *,
    parameters: Mapping[str, str] | None = None,
    region: str = "us-east-1",
    account: str = "000000000000",
    endpoint: str = "http://localhost:4566",
) -> Declarations:
    """Return what ``path`` declares, in the template's order.

    Args:
        path: A template, a folder with one (``template.yaml``, ``.yml`` or ``.json``), or a folder
            whose sub-folders (and itself) hold a file of a conventional name (``app.py``,
            ``lambda_function.py``, ``handler.py``, ``main.py``, ``index.js``, ``index.mjs``) that
            defines ``handler`` or ``lambda_handler``.
        parameters: Values of the template's parameters, instead of their defaults.
        region: What ``AWS::Region`` stands for.
        account: What ``AWS::AccountId`` stands for.
        endpoint: Where the emulator is reached: what queues' URLs begin with.

    Raises:
        ConfigurationError: There is nothing to serve, or the template can't be read or asks for
            what is not there; the text names file, resource and property.
    """
    if path.is_dir():
        templates = [path / name for name in TEMPLATES if (path / name).is_file()]
        if not templates:
            functions, left_out = conventional.read(path, TEMPLATES)
            return Declarations(functions=_distinct(path, functions), left_out=tuple(left_out))
        path = templates[0]
    elif not path.exists():
        raise ConfigurationError(f"{path} does not exist")
    elif path.suffix in _CODE:
        raise ConfigurationError(f"{path} is code, no template: give the folder that holds it")
    document = load(path)
    pseudo = {
        "AWS::Region": region,
        "AWS::AccountId": account,
        "AWS::Partition": "aws",
        "AWS::URLSuffix": "amazonaws.com",
        "AWS::StackName": "localfaas",
        "AWS::StackId": f"arn:aws:cloudformation:{region}:{account}:stack/localfaas/local",
    }
    values = Values(path, document, {**pseudo, **(parameters or {})})
    return _Template(path, document, values).read(region=region, account=account, endpoint=endpoint)


class _Template:
    """One template, while it is read."""

    def __init__(self, path: Path, document: dict[str, Any], values: Values) -> None:
        self._path, self._values = path, values
        every = values.mapping(document.get("Globals"), "Globals")
        self._shared = values.mapping(every.get("Function"), "Globals", "Function")
        self._resources = {
            name: values.mapping(body, name)
            for name, body in values.mapping(document.get("Resources"), "Resources").items()
        }

    def read(self, *, region: str, account: str, endpoint: str) -> Declarations:
        # First what others refer to.
        for name, properties in self._of(template_queues.QUEUE):
            queue = template_queues.queue_name(name, properties, self._values)
            self._values.resources[name] = template_queues.queue_referent(
                queue, region=region, account=account, endpoint=endpoint
            )
        for name, properties in self._of(_LOG_GROUP):
            group = properties.get("LogGroupName")
            self._values.resources[name] = Referent(
                ref=group if isinstance(group, str) else name, attributes={}
            )
        layers = {}
        for kind in template_layers.KINDS:
            for name, properties in self._of(kind):
                layer = template_layers.read_layer(
                    self._path, name, properties, self._values, region=region, account=account
                )
                if layer is not None:
                    layers[layer.arn] = layer
                    self._values.resources[name] = Referent(ref=layer.arn, attributes={})
        functions = [
            FunctionReader(self._path, name, kind, properties, self._values, layers)
            for kind in (SERVERLESS, LAMBDA)
            for name, properties in self._of(kind)
        ]
        order = list(self._resources)
        functions.sort(key=lambda function: order.index(function.logical))
        for function in functions:
            arn = function_arn(account, region, function.name)
            self._values.resources[function.logical] = Referent(
                ref=function.name, attributes={"Arn": arn}
            )
        if not functions:
            raise ConfigurationError(
                f"{self._path} declares no function ({SERVERLESS} or {LAMBDA})"
            )
        mappings = [mapping for function in functions for mapping in function.mappings()]
        mappings += [
            template_queues.read_mapping(self._path, name, properties, self._values)
            for name, properties in self._of(template_queues.MAPPING)
        ]
        return Declarations(
            functions=_distinct(
                self._path, [each.read(self._attributes(each.logical)) for each in functions]
            ),
            queues=tuple(
                template_queues.read_queue(self._path, name, properties, self._values)
                for name, properties in self._of(template_queues.QUEUE)
            ),
            mappings=tuple(mappings),
            not_made=tuple(
                f"{name} ({resource['Type']})"
                for name, resource in self._resources.items()
                if resource["Type"] not in _READ and not resource["Type"].startswith(_NEEDLESS)
            ),
        )

    def _of(self, kind: str) -> Iterator[tuple[str, dict[str, Any]]]:
        """Yield name and properties of the resources of one kind."""
        for name, resource in self._resources.items():
            found = resource.get("Type")
            if not isinstance(found, str):
                raise ConfigurationError(f"{self._path}: {name} has no Type")
            if found == kind:
                own = self._values.mapping(resource.get("Properties"), name, "Properties")
                yield name, _merge(self._shared, own) if kind == SERVERLESS else own

    def _attributes(self, name: str) -> list[str]:
        known = ("Type", "Properties", "Metadata", "DependsOn")
        return [key for key in self._resources[name] if key not in known]


def _merge(shared: Any, own: Any) -> Any:
    """Merge as SAM does: maps by key, lists one after the other, else the function's own."""
    if isinstance(shared, dict) and isinstance(own, dict):
        if is_call(shared) or is_call(own):
            return own
        return shared | {
            key: _merge(shared[key], value) if key in shared else value
            for key, value in own.items()
        }
    if isinstance(shared, list) and isinstance(own, list):
        return shared + own
    return own


def _distinct(path: Path, found: list[FunctionDeclaration]) -> tuple[FunctionDeclaration, ...]:
    names = [declaration.name for declaration in found]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ConfigurationError(f"{path} declares {', '.join(twice)} twice")
    return tuple(found)
