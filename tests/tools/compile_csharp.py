"""Compile C# by Roslyn, on a .NET of which there is no SDK: a program of its own.

    compile_csharp.py DOTNET_ROOT ROSLYN OUTPUT SOURCE... REFERENCE.dll... [-- OUTPUT ...]

DOTNET_ROOT runs the compiler. What has a Main becomes a program.
"""

from __future__ import annotations

import sys
import tempfile
from importlib import import_module
from pathlib import Path
from typing import Any

CONFIG = """{"runtimeOptions": {
    "framework": {"name": "Microsoft.NETCore.App", "version": "6.0.0"},
    "rollForward": "LatestMajor", "configProperties": {"System.Globalization.Invariant": true}}}"""


def main() -> int:
    root, roslyn, *words = sys.argv[1:]
    load_runtime(root)
    clr = import_module("clr")
    for name in ("Microsoft.CodeAnalysis", "Microsoft.CodeAnalysis.CSharp"):
        clr.AddReference(f"{roslyn}/{name}.dll")
    orders: list[list[str]] = [[]]
    for word in words:
        if word == "--":
            orders.append([])
        else:
            orders[-1].append(word)
    return 0 if all(compile_one(*order) for order in orders) else 1


def load_runtime(root: str) -> None:
    with tempfile.NamedTemporaryFile("w", suffix=".runtimeconfig.json") as config:
        config.write(CONFIG)
        config.flush()
        loader = import_module("clr_loader")
        runtime = loader.get_coreclr(runtime_config=config.name, dotnet_root=root)
        import_module("pythonnet").set_runtime(runtime)
        import_module("clr")


def compile_one(output: str, *inputs: str) -> bool:
    code: Any = import_module("Microsoft.CodeAnalysis")
    csharp: Any = import_module("Microsoft.CodeAnalysis.CSharp")
    make_list: Any = import_module("System.Collections.Generic").List
    texts = [Path(each).read_text() for each in inputs if each.endswith(".cs")]
    trees = make_list[code.SyntaxTree]()
    for text in texts:
        trees.Add(csharp.CSharpSyntaxTree.ParseText(text))
    references = make_list[code.MetadataReference]()
    for each in inputs:
        if each.endswith(".dll"):
            references.Add(code.MetadataReference.CreateFromFile(each))
    program = any(" Main(" in text for text in texts)
    kinds = code.OutputKind
    options = csharp.CSharpCompilationOptions(
        kinds.ConsoleApplication if program else kinds.DynamicallyLinkedLibrary
    )
    options = options.WithDeterministic(True).WithOptimizationLevel(code.OptimizationLevel.Release)
    compilation = csharp.CSharpCompilation.Create(Path(output).stem, trees, references, options)
    stream = import_module("System.IO").File.Create(output)
    result = compilation.Emit(stream)
    stream.Close()
    for each in result.Diagnostics:
        if each.Severity == code.DiagnosticSeverity.Error:
            print(f"{output}: {each.ToString()}", file=sys.stderr)
    return bool(result.Success)


if __name__ == "__main__":
    sys.exit(main())
