import com.amazonaws.services.lambda.runtime.api.client.AWSLambda;
import com.amazonaws.services.lambda.runtime.api.client.runtimeapi.JniHelper;
import com.amazonaws.services.lambda.runtime.serialization.PojoSerializer;
import com.amazonaws.services.lambda.runtime.serialization.factories.GsonFactory;
import com.amazonaws.services.lambda.runtime.serialization.factories.JacksonFactory;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.File;
import java.io.FileDescriptor;
import java.io.FileInputStream;
import java.io.FileOutputStream;
import java.io.IOException;
import java.lang.reflect.Constructor;
import java.lang.reflect.Method;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Map;
import java.util.TimeZone;

/**
 * A JVM that is started before it is known for which function.
 *
 * <p>It does what AWS's runtime client does for a call, writes a byte to file descriptor 3, and waits
 * there for a line of JSON: environment, folder and handler. Then it is that client.
 *
 * <p>Java changes neither its environment nor its folder, and reads the environment once. So nothing
 * may read it before the line is there, and the C library changes both.
 *
 * <p>Its argument is the folder with what calls the C library.
 */
public final class StemCell {
    private static final int CHANNEL = 3;
    private static final String ZONE = "user.timezone";
    private static final boolean ZONE_IS_STATED = !System.getProperty(ZONE, "").isEmpty();

    private StemCell() {}

    public static void main(String[] arguments) throws Throwable {
        AWSLambda.main(new String[] {handlerOfOrder(Path.of(arguments[0]))});
    }

    /** Waits for the order and makes this process what it says; returns the handler. */
    private static String handlerOfOrder(Path folder) throws Exception {
        Method libraryCall = libraryCall(folder);
        rehearse();
        Map<?, ?> order = order();
        call(libraryCall, "clearenv");
        for (Map.Entry<?, ?> each : ((Map<?, ?>) order.get("environ")).entrySet()) {
            call(libraryCall, "setenv", each.getKey(), each.getValue(), 1);
        }
        if (call(libraryCall, "chdir", order.get("cwd")) != 0) {
            throw new IOException("the folder can't be entered: " + order.get("cwd"));
        }
        String handler = (String) order.get("handler");
        forget(handler);
        return handler;
    }

    /** Returns what calls the C library, from a class loader that no function sees. */
    private static Method libraryCall(Path folder) throws Exception {
        URL jar = folder.resolve("foreign.jar").toUri().toURL();
        ClassLoader parent = ClassLoader.getPlatformClassLoader();
        Class<?> foreign =
                new URLClassLoader(new URL[] {jar}, parent).loadClass("com.kenai.jffi.Foreign");
        foreign.getMethod("load", String.class)
                .invoke(null, folder.resolve("libjffi.so").toString());
        Method found = foreign.getMethod("call", String.class, Object[].class);
        call(found, "setenv", "_", "", 1); // all that a call needs is there now
        return found;
    }

    private static int call(Method libraryCall, String name, Object... arguments) throws Exception {
        return (int) libraryCall.invoke(null, name, arguments);
    }

    /** Does what a function's first call does, as far as it reads no environment. */
    private static void rehearse() {
        JniHelper.load();
        PojoSerializer<?> events = JacksonFactory.getInstance().getSerializer(Object.class);
        repeat(events, "{\"texts\": [\"\"], \"numbers\": [1, 2.5], \"others\": [true, null]}");
    }

    /** Writes what was read. */
    private static <T> void repeat(PojoSerializer<T> events, String json) {
        byte[] bytes = json.getBytes(StandardCharsets.UTF_8);
        events.toJson(events.fromJson(new ByteArrayInputStream(bytes)), new ByteArrayOutputStream());
    }

    /** Says that this process waits, and returns what it is told; ends if it is not wanted. */
    private static Map<?, ?> order() throws Exception {
        parse("{\"environ\": {}}".getBytes(StandardCharsets.UTF_8)); // so that it is quick later
        // The JVM's options open this to AWS's client, too.
        Constructor<FileDescriptor> open = FileDescriptor.class.getDeclaredConstructor(int.class);
        open.setAccessible(true);
        FileDescriptor channel = open.newInstance(CHANNEL);
        try (FileInputStream in = new FileInputStream(channel);
                FileOutputStream out = new FileOutputStream(channel)) {
            out.write('\n');
            ByteArrayOutputStream line = new ByteArrayOutputStream();
            byte[] part = new byte[65536];
            int count;
            do {
                count = in.read(part);
                if (count < 0) {
                    System.exit(0);
                }
                line.write(part, 0, count);
            } while (part[count - 1] != '\n');
            return parse(line.toByteArray());
        }
    }

    private static Map<?, ?> parse(byte[] json) {
        return GsonFactory.getInstance()
                .getSerializer(Map.class)
                .fromJson(new ByteArrayInputStream(json));
    }

    /** Leaves the JVM's properties as they are where AWS's client is started by itself. */
    private static void forget(String handler) {
        String path = System.getProperty("java.class.path");
        int last = path.lastIndexOf(File.pathSeparator);
        System.setProperty("java.class.path", path.substring(0, last));
        // The environment states the zone. Whoever reads an event asks for it.
        if (!ZONE_IS_STATED) {
            System.clearProperty(ZONE);
            TimeZone.setDefault(null);
            TimeZone.getDefault();
        }
        System.setProperty("sun.java.command", AWSLambda.class.getName() + " " + handler);
    }
}
