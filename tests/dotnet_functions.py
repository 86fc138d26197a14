"""A .NET function, and a stand-in for AWS's client, which is NuGet's alone.

The stand-in lies where NuGet has the client, has its name, and is told what that is told.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

from emulator.driver.conventions import runtimes_folder
from emulator.driver.process.interpreters import find
from tests import dotnet

#: A program with a Runtime API client of its own, and a class for the stand-in below.
_HELLO = """
using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Net.Http;
using System.Text.Json;
using System.Threading;
using System.Threading.Tasks;

namespace Hello
{
    public static class Program
    {
        static readonly string[] Places = {
            Environment.GetEnvironmentVariable("DOTNET_ROOT") + "/dotnet",
            Environment.GetEnvironmentVariable("SSL_CERT_FILE") ?? "" };

        static async Task Main()
        {
            string address = Environment.GetEnvironmentVariable("AWS_LAMBDA_RUNTIME_API");
            string runtime = "http://" + address + "/2018-06-01/runtime/";
            string api = runtime + "invocation/";
            using var client = new HttpClient { Timeout = Timeout.InfiniteTimeSpan };
            string kept = Environment.GetEnvironmentVariable("AWS_LAMBDA_INITIALIZATION_TYPE");
            if (kept == "snap-start") await client.GetAsync(runtime + "restore/next");
            for (int calls = 1; ; calls++)
            {
                using var next = await client.GetAsync(api + "next");
                string id = next.Headers.GetValues("Lambda-Runtime-Aws-Request-Id").First();
                string text = await next.Content.ReadAsStringAsync();
                if (text.Contains("exit")) Environment.Exit(3);
                if (text.Contains("sleep")) Thread.Sleep(60_000);
                Console.WriteLine("two\\nlines");
                bool fails = text.Contains("raise");
                object answer = fails
                    ? new { errorType = "Asked", errorMessage = "asked for" }
                    : (object)new {
                        calls,
                        @event = JsonDocument.Parse(text).RootElement,
                        folder = Directory.GetCurrentDirectory(),
                        version = Environment.Version.Major,
                        files = Places.Where(File.Exists),
                        variables = Environment.GetEnvironmentVariables() };
                string json = JsonSerializer.Serialize(answer);
                string kind = fails ? "/error" : "/response";
                using var _ = await client.PostAsync(api + id + kind, new StringContent(json));
            }
        }
    }

    public class Function
    {
        public string Greet(string text) => "Hello, " + text;
    }
}
"""
_CORE = """
namespace Amazon.Lambda.Core { public static class Core { public static string Mark() => "!"; } }
"""
_CLIENT = """
using System;
using System.IO;
using System.Linq;
using System.Net.Http;
using System.Reflection;
using System.Text;
using System.Text.Json;
using System.Threading;
using System.Threading.Tasks;

namespace Amazon.Lambda.RuntimeSupport
{
    public class RuntimeSupportInitializer
    {
        readonly string[] handler;

        public RuntimeSupportInitializer(string handler) => this.handler = handler.Split("::");

        public async Task RunLambdaBootstrap()
        {
            string api = "http://" + Environment.GetEnvironmentVariable("AWS_LAMBDA_RUNTIME_API")
                + "/2018-06-01/runtime/invocation/";
            using var client = new HttpClient { Timeout = Timeout.InfiniteTimeSpan };
            Type type = Assembly.Load(handler[0]).GetType(handler[1], true);
            object target = Activator.CreateInstance(type);
            for (;;)
            {
                using var next = await client.GetAsync(api + "next");
                string id = next.Headers.GetValues("Lambda-Runtime-Aws-Request-Id").First();
                string text = await next.Content.ReadAsStringAsync();
                MethodInfo method = type.GetMethod(handler[2]);
                bool streams = method.ReturnType == typeof(Stream);
                object given = streams
                    ? new MemoryStream(Encoding.UTF8.GetBytes(text))
                    : JsonSerializer.Deserialize<string>(text);
                object answer = method.Invoke(target, new[] { given });
                string json = streams
                    ? new StreamReader((Stream)answer).ReadToEnd()
                    : JsonSerializer.Serialize(answer + Core.Core.Mark());
                var content = new StringContent(json);
                using var _ = await client.PostAsync(api + id + "/response", content);
            }
        }
    }
}
"""


def build() -> Path:
    """Return a folder with the function in "publish", and "packages" as NuGet keeps them.

    Beside them is what the compiler makes of the program that starts the client.
    """
    started_by = runtimes_folder() / "dotnet/bootstrap.cs"
    texts = {"Hello": _HELLO, "Core": _CORE, "Client": _CLIENT, "bootstrap": started_by.read_text()}
    key = hashlib.sha256(repr(texts).encode()).hexdigest()[:12]
    return dotnet.kept(f"dotnet-functions-{key}", lambda made: _build(made, texts))


def _build(folder: Path, texts: Mapping[str, str]) -> None:
    for name, text in texts.items():
        (folder / f"{name}.cs").write_text(text)
    function = folder / "publish/Hello.dll"
    client, core = (
        folder / "packages" / name.lower() / f"1.0.0/lib/net8.0/{name}.dll"
        for name in ("Amazon.Lambda.RuntimeSupport", "Amazon.Lambda.Core")
    )
    for path in (function, core, client):
        path.parent.mkdir(parents=True)
    have = dotnet.libraries()
    dotnet.compile_csharp(
        (function, folder / "Hello.cs", *have),
        (core, folder / "Core.cs", *have),
        (client, folder / "Client.cs", core, *have),
        (folder / "bootstrap.dll", folder / "bootstrap.cs", dotnet.oldest_core()),
    )
    dotnet.describe(function, 8)


@contextmanager
def on_this_machine(built: Path) -> Iterator[None]:
    """Let this machine have the tests' .NET, and what was built as NuGet's packages."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DOTNET_ROOT", str(dotnet.root()))
        patch.setenv("NUGET_PACKAGES", str(built / "packages"))
        find.cache_clear()
        yield
    find.cache_clear()
