import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.file.Path;

/** The function, called as its users call it. */
public class HelloTest {
    public static void main(String[] arguments) throws Exception {
        var url = System.getenv("AWS_ENDPOINT_URL") + "/2015-03-31/functions/hello/invocations";
        var request = HttpRequest.newBuilder(URI.create(url))
                .POST(BodyPublishers.ofFile(Path.of("events/hello.json")))
                .build();
        var answer = HttpClient.newHttpClient().send(request, BodyHandlers.ofString());
        if (!answer.body().equals("{\"message\":\"Hello, you!\"}")) {
            System.err.println("got " + answer.body());
            System.exit(1);
        }
    }
}
