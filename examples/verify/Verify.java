// A resource server verifies access tokens: Java 17, with the JDK and Jackson.
//
//     ISSUER=… AUDIENCE=… JWKS_URI=… java -cp "$JACKSON" Verify.java < tokens

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.math.BigInteger;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import java.security.AlgorithmParameters;
import java.security.GeneralSecurityException;
import java.security.KeyFactory;
import java.security.PublicKey;
import java.security.Signature;
import java.security.spec.ECGenParameterSpec;
import java.security.spec.ECParameterSpec;
import java.security.spec.ECPoint;
import java.security.spec.ECPublicKeySpec;
import java.time.Duration;
import java.time.Instant;
import java.util.Base64;
import java.util.HashMap;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;

public record Verify(String issuer, String audience, String typ, PublishedKeys keys) {
    private static final long CLOCK_SKEW = 60;
    private static final ObjectMapper JSON = new ObjectMapper();

    /** The claims of an access token that is for this service and for whoever bears it. */
    JsonNode verify(String token)
            throws GeneralSecurityException, IOException, InterruptedException {
        String[] parts = token.split("\\.", -1);
        check(parts.length == 3, "the token is not a JWS");
        JsonNode header = read(parts[0]);
        check("ES256".equals(header.path("alg").textValue()), "alg is not ES256");
        check(isAccessToken(header.path("typ")), "typ is not that of access tokens");
        check(!header.has("crit"), "the header has extensions");
        check(header.path("kid").isTextual(), "the header has no kid");

        Signature signature = Signature.getInstance("SHA256withECDSAinP1363Format");
        signature.initVerify(keys.find(header.path("kid").textValue()));
        signature.update((parts[0] + "." + parts[1]).getBytes(StandardCharsets.US_ASCII));
        check(signature.verify(decode(parts[2])), "the signature is wrong");

        JsonNode claims = read(parts[1]);
        long now = Instant.now().getEpochSecond();
        JsonNode exp = claims.path("exp");
        JsonNode nbf = claims.path("nbf");
        check(issuer.equals(claims.path("iss").textValue()), "iss is another");
        check(contains(claims.path("aud"), audience), "aud is another");
        check(exp.isNumber() && exp.asDouble() > now - CLOCK_SKEW, "the token has expired");
        check(nbf.isMissingNode() || nbf.isNumber() && nbf.asDouble() <= now + CLOCK_SKEW,
                "the token is not valid yet");
        // ID tokens have no jti. Tokens of light-oauth2, which have no typ, have no sub.
        check(claims.path("jti").isTextual(), "jti is missing");
        check(claims.path("sub").isTextual() || typ.isEmpty(), "sub is missing");
        check(!claims.has("cnf"), "the token is bound to a key");
        return claims;
    }

    /** Compares as a media type (RFC 7515 §4.1.9). */
    private boolean isAccessToken(JsonNode found) {
        if (typ.isEmpty() || !found.isTextual()) {
            return typ.isEmpty() && found.isMissingNode();
        }
        return found.textValue().toLowerCase(Locale.ROOT).replaceFirst("^application/", "")
                .equalsIgnoreCase(typ);
    }

    /** Whether aud, a text or a list of texts, has a member. */
    private static boolean contains(JsonNode aud, String member) {
        boolean contains = member.equals(aud.textValue());
        for (JsonNode each : aud) {
            contains |= aud.isArray() && member.equals(each.textValue());
        }
        return contains;
    }

    private static JsonNode read(String part) throws GeneralSecurityException, IOException {
        try {
            return JSON.readTree(decode(part));
        } catch (JsonProcessingException e) {
            throw new GeneralSecurityException("the token is not JSON", e);
        }
    }

    private static byte[] decode(String part) throws GeneralSecurityException {
        try {
            return Base64.getUrlDecoder().decode(part);
        } catch (IllegalArgumentException e) {
            throw new GeneralSecurityException("the token is not base64url", e);
        }
    }

    private static void check(boolean holds, String otherwise) throws GeneralSecurityException {
        if (!holds) {
            throw new GeneralSecurityException(otherwise);
        }
    }

    /**
     * The keys that the service publishes. A copy of them is good for maxAge. A kid that it lacks may
     * be new: then they are fetched again, unless that was less than cooldown ago.
     */
    static final class PublishedKeys {
        private final HttpClient client = HttpClient.newHttpClient();
        private final HttpRequest request;
        private final long maxAge;
        private final long cooldown;
        private Map<String, PublicKey> byKid = Map.of();
        private long fetched;
        private long asked; // with success or without

        PublishedKeys(URI uri, Duration maxAge, Duration cooldown) {
            this.request = HttpRequest.newBuilder(uri).timeout(Duration.ofSeconds(5)).build();
            this.maxAge = maxAge.toNanos();
            this.cooldown = cooldown.toNanos();
            this.fetched = System.nanoTime() - this.maxAge;
            this.asked = System.nanoTime() - this.cooldown;
        }

        synchronized PublicKey find(String kid)
                throws GeneralSecurityException, IOException, InterruptedException {
            long now = System.nanoTime();
            boolean isUnknown = !byKid.containsKey(kid);
            if (now - fetched >= maxAge || isUnknown && now - asked >= cooldown) {
                asked = now;
                byKid = fetch();
                fetched = now;
            }
            return Optional.ofNullable(byKid.get(kid)).orElseThrow(
                    () -> new GeneralSecurityException("no published key has that kid"));
        }

        private Map<String, PublicKey> fetch()
                throws GeneralSecurityException, IOException, InterruptedException {
            var response = client.send(request, BodyHandlers.ofByteArray());
            if (response.statusCode() != 200) {
                throw new IOException(request.uri() + ": " + response.statusCode());
            }
            var parameters = AlgorithmParameters.getInstance("EC");
            parameters.init(new ECGenParameterSpec("secp256r1"));
            var curve = parameters.getParameterSpec(ECParameterSpec.class);
            var keys = new HashMap<String, PublicKey>();
            for (JsonNode jwk : JSON.readTree(response.body()).path("keys")) {
                if (jwk.path("kty").asText().equals("EC") && jwk.path("crv").asText().equals("P-256")) {
                    var point = new ECPoint(coordinate(jwk, "x"), coordinate(jwk, "y"));
                    keys.put(jwk.path("kid").asText(), KeyFactory.getInstance("EC")
                            .generatePublic(new ECPublicKeySpec(point, curve)));
                }
            }
            return keys;
        }

        private static BigInteger coordinate(JsonNode jwk, String name)
                throws GeneralSecurityException {
            return new BigInteger(1, decode(jwk.path(name).asText()));
        }
    }

    public static void main(String[] args) throws IOException {
        var env = System.getenv();
        var keys = new PublishedKeys(
                URI.create(variable("JWKS_URI")),
                Duration.ofSeconds(Long.parseLong(env.getOrDefault("MAX_AGE", "300"))),
                Duration.ofSeconds(Long.parseLong(env.getOrDefault("COOLDOWN", "30"))));
        var verifier = new Verify(variable("ISSUER"), variable("AUDIENCE"),
                env.getOrDefault("TYP", "at+jwt"), keys);
        var lines = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        for (String token; (token = lines.readLine()) != null; ) {
            try {
                System.out.println(verifier.verify(token));
            } catch (GeneralSecurityException | IOException | InterruptedException e) {
                System.out.println("refused: " + e.getMessage());
            }
        }
    }

    private static String variable(String name) {
        return Optional.ofNullable(System.getenv(name))
                .orElseThrow(() -> new IllegalStateException("set " + name));
    }
}
