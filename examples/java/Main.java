import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.Map;
import java.util.concurrent.Executors;
import java.util.function.Supplier;

/** A small service on the JDK alone: change the greeting, then `restart app` compiles and starts it. */
public final class Main {
    static final String GREETING = "Hello from Java.\n";

    static final Instant STARTED = Instant.now();

    static final Map<String, Supplier<String>> ROUTES = Map.of(
            "/", () -> GREETING,
            "/healthz", () -> "ok\n",
            "/whoami", () -> "{\"pid\": %d, \"startedAt\": \"%s\"}\n".formatted(ProcessHandle.current().pid(), STARTED));

    public static void main(String[] args) throws Exception {
        int port = Integer.parseInt(System.getenv().getOrDefault("PORT", "8080"));
        String host = System.getenv("HOST");
        InetSocketAddress address = host == null ? new InetSocketAddress(port) : new InetSocketAddress(host, port);
        HttpServer server = HttpServer.create(address, 128);
        server.setExecutor(Executors.newCachedThreadPool());
        server.createContext("/", Main::answer);
        server.start();
        System.out.printf("listening on port %d, pid %d%n", port, ProcessHandle.current().pid());

        // As PID 1 a JVM ends with 143 on SIGTERM, which looks like a failure.
        Runtime.getRuntime().addShutdownHook(new Thread(() -> {
            server.stop(0);
            Runtime.getRuntime().halt(0);
        }));
    }

    static void answer(HttpExchange exchange) throws IOException {
        String path = exchange.getRequestURI().getPath();
        Supplier<String> route = ROUTES.get(path);
        String text = route == null ? "There is no %s.%n".formatted(path) : route.get();
        byte[] body = text.getBytes(StandardCharsets.UTF_8);
        String type = path.equals("/whoami") ? "application/json" : "text/plain; charset=utf-8";
        exchange.getResponseHeaders().set("Content-Type", type);
        exchange.sendResponseHeaders(route == null ? 404 : 200, body.length);
        exchange.getResponseBody().write(body);
        exchange.close();
    }

    private Main() {}
}
