import java.util.Map;

/** Hello in Java. A handler without AWS's interfaces needs no packages to be built. */
public class Hello {
    public Map<String, Object> handle(Map<String, Object> event) {
        Object name = event.getOrDefault("name", "you");
        System.out.println("greeting " + name);
        return Map.of("message", "Hello, " + name + "!");
    }
}
