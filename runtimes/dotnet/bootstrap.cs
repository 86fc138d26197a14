// Starts AWS's runtime client for a class library: the client that NuGet has is a library, too.
//
// bootstrap.dll HANDLER FOLDER...
//
// bootstrap.dll beside this file is what the tests' compiler makes of it (tests/dotnet.py).
using System;
using System.IO;
using System.Reflection;
using System.Runtime.Loader;
using System.Threading.Tasks;

static class Bootstrap
{
    const string Client = "Amazon.Lambda.RuntimeSupport";

    static Task Main(string[] arguments)
    {
        // Asked only for what the function's own files lack.
        AssemblyLoadContext.Default.Resolving += (_, name) => Load(arguments, name.Name);
        Type type = Load(arguments, Client).GetType(Client + ".RuntimeSupportInitializer", true);
        object client = Activator.CreateInstance(type, arguments[0]);
        return (Task)type.GetMethod("RunLambdaBootstrap").Invoke(client, null);
    }

    static Assembly Load(string[] arguments, string name)
    {
        for (int index = 1; index < arguments.Length; index++)
        {
            try
            {
                string path = arguments[index] + "/" + name + ".dll";
                return AssemblyLoadContext.Default.LoadFromAssemblyPath(path);
            }
            catch (FileNotFoundException)
            {
            }
        }
        return null;
    }
}
