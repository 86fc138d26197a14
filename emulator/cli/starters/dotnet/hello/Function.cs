using System;
using System.IO;
using System.Text.Json;

namespace Hello
{
    /// <summary>A function that greets. A handler of streams needs none of AWS's packages.</summary>
    public class Function
    {
        public Stream Greet(Stream input)
        {
            using var sent = JsonDocument.Parse(input);
            bool named = sent.RootElement.TryGetProperty("name", out var value);
            string name = named ? value.GetString() : "you";
            Console.WriteLine("greeting " + name);
            var answer = new { message = "Hello, " + name + "!" };
            return new MemoryStream(JsonSerializer.SerializeToUtf8Bytes(answer));
        }
    }
}
