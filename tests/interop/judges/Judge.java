import com.nimbusds.jose.EncryptionMethod;
import com.nimbusds.jose.JWEAlgorithm;
import com.nimbusds.jose.JWEHeader;
import com.nimbusds.jose.JWEObject;
import com.nimbusds.jose.Payload;
import com.nimbusds.jose.crypto.ECDHDecrypter;
import com.nimbusds.jose.crypto.ECDHEncrypter;
import com.nimbusds.jose.crypto.PasswordBasedDecrypter;
import com.nimbusds.jose.crypto.PasswordBasedEncrypter;
import com.nimbusds.jose.crypto.RSADecrypter;
import com.nimbusds.jose.crypto.RSAEncrypter;
import com.nimbusds.jose.jwk.ECKey;
import com.nimbusds.jose.jwk.JWK;
import com.nimbusds.jose.jwk.JWKSet;
import com.nimbusds.jose.jwk.RSAKey;
import com.nimbusds.jose.util.JSONObjectUtils;
import java.io.BufferedReader;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.InputStreamReader;
import java.io.StringReader;
import java.io.StringWriter;
import java.nio.charset.StandardCharsets;
import java.security.KeyStore;
import java.security.Provider;
import java.security.cert.Certificate;
import java.security.cert.CertificateFactory;
import java.security.interfaces.RSAPrivateCrtKey;
import java.security.spec.RSAPublicKeySpec;
import java.util.ArrayList;
import java.util.Base64;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import javax.crypto.spec.SecretKeySpec;
import org.bouncycastle.asn1.nist.NISTObjectIdentifiers;
import org.bouncycastle.asn1.pkcs.PrivateKeyInfo;
import org.bouncycastle.jce.provider.BouncyCastleProvider;
import org.bouncycastle.openssl.PEMKeyPair;
import org.bouncycastle.openssl.PEMParser;
import org.bouncycastle.openssl.jcajce.JcaMiscPEMGenerator;
import org.bouncycastle.openssl.jcajce.JcaPEMKeyConverter;
import org.bouncycastle.openssl.jcajce.JcaPKCS8Generator;
import org.bouncycastle.openssl.jcajce.JceOpenSSLPKCS8DecryptorProviderBuilder;
import org.bouncycastle.openssl.jcajce.JceOpenSSLPKCS8EncryptorBuilder;
import org.bouncycastle.openssl.jcajce.JcaPEMWriter;
import org.bouncycastle.pkcs.PKCS8EncryptedPrivateKeyInfo;
import org.jose4j.jwa.AlgorithmConstraints;
import org.jose4j.jwa.AlgorithmConstraints.ConstraintType;
import org.jose4j.jwe.JsonWebEncryption;
import org.jose4j.jwk.JsonWebKey;
import org.jose4j.jwk.JsonWebKey.OutputControlLevel;
import org.jose4j.jwk.JsonWebKeySet;
import org.jose4j.jwk.PublicJsonWebKey;
import org.jose4j.keys.PbkdfKey;

/**
 * Reads and writes key files with libraries for Java and with Java itself. Takes calls as lines of
 * JSON on standard input, and prints each result as a line of JSON. Bytes are base64.
 */
final class Judge {
    private static final Provider BOUNCY_CASTLE = new BouncyCastleProvider();

    private final Map<String, Object> call;

    private Judge(Map<String, Object> call) {
        this.call = call;
    }

    public static void main(String[] args) throws Exception {
        var in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        for (String line; (line = in.readLine()) != null; ) {
            Map<String, Object> result;
            try {
                result = Map.of("value", new Judge(JSONObjectUtils.parse(line)).answer());
            } catch (Exception error) {
                result = Map.of("error", Map.of("message", error.toString()));
            }
            // In bytes: the encoding of the console can be another one.
            System.out.write(JSONObjectUtils.toJSONString(result).getBytes(StandardCharsets.UTF_8));
            System.out.println();
            System.out.flush();
        }
    }

    private Object answer() throws Exception {
        var name = call.get("call") + " " + call.get("library");
        return switch (name) {
            case "read Nimbus" -> readNimbus();
            case "read jose4j" -> readJose4j();
            case "read Bouncy Castle" ->
                text("form").equals("pkcs12")
                    ? readStore(KeyStore.getInstance("PKCS12", BOUNCY_CASTLE))
                    : List.of(readPem());
            case "read Java" -> readStore(KeyStore.getInstance("PKCS12"));
            case "write Nimbus" -> base64(writeNimbus());
            case "write jose4j" -> base64(writeJose4j());
            case "write Bouncy Castle" ->
                text("form").contains("pem")
                    ? base64(writePem())
                    : writeStore(KeyStore.getInstance("PKCS12", BOUNCY_CASTLE));
            case "write Java" -> writeStore(KeyStore.getInstance("PKCS12"));
            default -> throw new IllegalArgumentException(name);
        };
    }

    private String text(String name) {
        return (String) call.get(name);
    }

    private byte[] data() {
        return Base64.getDecoder().decode(text("data"));
    }

    private String content() {
        return new String(data(), StandardCharsets.UTF_8).strip();
    }

    private char[] password() {
        return text("password").toCharArray();
    }

    private String json(String name) {
        return JSONObjectUtils.toJSONString((Map<String, ?>) call.get(name));
    }

    private static String base64(String text) {
        return Base64.getEncoder().encodeToString(text.getBytes(StandardCharsets.UTF_8));
    }

    private List<Object> readNimbus() throws Exception {
        var text = content();
        var form = text("form");
        if (form.equals("jwe") || form.equals("sealed")) {
            var token = JWEObject.parse(text);
            if (form.equals("jwe")) {
                token.decrypt(new PasswordBasedDecrypter(text("password")));
            } else {
                var key = JWK.parse(json("key"));
                token.decrypt(
                    key instanceof RSAKey rsa
                        ? new RSADecrypter(rsa)
                        : new ECDHDecrypter((ECKey) key));
            }
            text = token.getPayload().toString();
        }
        var keys = form.equals("jwks") ? JWKSet.parse(text).getKeys() : List.of(JWK.parse(text));
        var found = new ArrayList<Object>();
        for (var key : keys) {
            found.add(key.toJSONObject());
        }
        return found;
    }

    private String writeNimbus() throws Exception {
        var key = JWK.parse(json("jwk"));
        if (text("form").equals("jwk")) {
            return key.toJSONString();
        }
        if (text("form").equals("jwks")) {
            return new JWKSet(key).toString(false);
        }
        var enc = EncryptionMethod.parse(text("enc"));
        if (call.get("to") == null) {
            var header = new JWEHeader(JWEAlgorithm.PBES2_HS512_A256KW, enc);
            var token = new JWEObject(header, new Payload(key.toJSONString()));
            token.encrypt(new PasswordBasedEncrypter(text("password"), 16, 210_000));
            return token.serialize();
        }
        var to = JWK.parse(json("to"));
        var header = new JWEHeader(JWEAlgorithm.parse(text("alg")), enc);
        var token = new JWEObject(header, new Payload(key.toJSONString()));
        token.encrypt(
            to instanceof RSAKey rsa ? new RSAEncrypter(rsa) : new ECDHEncrypter((ECKey) to));
        return token.serialize();
    }

    private List<Object> readJose4j() throws Exception {
        var text = content();
        var form = text("form");
        if (form.equals("jwe") || form.equals("sealed")) {
            var token = new JsonWebEncryption();
            if (form.equals("jwe")) {
                // jose4j opens PBES2 only where it is allowed (docs/how-to/convert.md).
                token.setAlgorithmConstraints(
                    new AlgorithmConstraints(ConstraintType.PERMIT, "PBES2-HS512+A256KW"));
                token.setKey(new PbkdfKey(text("password")));
            } else {
                var key = (Map<String, Object>) call.get("key");
                token.setKey(PublicJsonWebKey.Factory.newPublicJwk(key).getPrivateKey());
            }
            token.setCompactSerialization(text);
            text = token.getPayload();
        }
        var keys =
            form.equals("jwks")
                ? new JsonWebKeySet(text).getJsonWebKeys()
                : List.of(JsonWebKey.Factory.newJwk(text));
        var found = new ArrayList<Object>();
        for (var key : keys) {
            found.add(key.toParams(OutputControlLevel.INCLUDE_PRIVATE));
        }
        return found;
    }

    private String writeJose4j() throws Exception {
        var key = JsonWebKey.Factory.newJwk(json("jwk"));
        var text = key.toJson(OutputControlLevel.INCLUDE_PRIVATE);
        if (text("form").equals("jwk")) {
            return text;
        }
        if (text("form").equals("jwks")) {
            return new JsonWebKeySet(key).toJson(OutputControlLevel.INCLUDE_PRIVATE);
        }
        var token = new JsonWebEncryption();
        token.setPayload(text);
        token.setEncryptionMethodHeaderParameter(text("enc"));
        if (call.get("to") == null) {
            token.setAlgorithmConstraints(
                new AlgorithmConstraints(ConstraintType.PERMIT, "PBES2-HS256+A128KW"));
            token.setAlgorithmHeaderValue("PBES2-HS256+A128KW");
            token.setKey(new PbkdfKey(text("password")));
        } else {
            var to = (Map<String, Object>) call.get("to");
            token.setAlgorithmHeaderValue(text("alg"));
            token.setKey(PublicJsonWebKey.Factory.newPublicJwk(to).getPublicKey());
        }
        return token.getCompactSerialization();
    }

    private Map<String, Object> readPem() throws Exception {
        var found = new PEMParser(new StringReader(content())).readObject();
        if (found instanceof PKCS8EncryptedPrivateKeyInfo encrypted) {
            var builder = new JceOpenSSLPKCS8DecryptorProviderBuilder().setProvider(BOUNCY_CASTLE);
            found = encrypted.decryptPrivateKeyInfo(builder.build(password()));
        }
        if (found instanceof PEMKeyPair pair) {
            found = pair.getPrivateKeyInfo();
        }
        return jwk(new JcaPEMKeyConverter().getPrivateKey((PrivateKeyInfo) found));
    }

    private String writePem() throws Exception {
        var key = JWK.parse(json("jwk")).toRSAKey().toPrivateKey();
        var text = new StringWriter();
        try (var writer = new JcaPEMWriter(text)) {
            switch (text("form")) {
                case "pem" -> writer.writeObject(new JcaPKCS8Generator(key, null));
                case "old pem" -> writer.writeObject(new JcaMiscPEMGenerator(key));
                default -> {
                    var cipher = NISTObjectIdentifiers.id_aes256_CBC;
                    var builder = new JceOpenSSLPKCS8EncryptorBuilder(cipher);
                    builder.setProvider(BOUNCY_CASTLE).setPassword(password());
                    writer.writeObject(new JcaPKCS8Generator(key, builder.build()));
                }
            }
        }
        return text.toString();
    }

    private static Map<String, Object> jwk(java.security.Key key) throws Exception {
        var rsa = (RSAPrivateCrtKey) key;
        var spec = new RSAPublicKeySpec(rsa.getModulus(), rsa.getPublicExponent());
        var made = java.security.KeyFactory.getInstance("RSA").generatePublic(spec);
        var publicKey = (java.security.interfaces.RSAPublicKey) made;
        return new RSAKey.Builder(publicKey).privateKey(rsa).build().toJSONObject();
    }

    private List<Object> readStore(KeyStore store) throws Exception {
        store.load(new ByteArrayInputStream(data()), password());
        var found = new ArrayList<Object>();
        for (var alias : Collections.list(store.aliases())) {
            if (store.isKeyEntry(alias)) {
                found.add(jwk(store.getKey(alias, password())));
            }
        }
        return found;
    }

    /** The entries are lists of a kind, a name, and JWKs or certificates. */
    private String writeStore(KeyStore store) throws Exception {
        store.load(null, null);
        for (var each : (List<List<Object>>) call.get("entries")) {
            var name = (String) each.get(1);
            switch ((String) each.get(0)) {
                case "key" -> {
                    var jwk = JWK.parse((Map<String, Object>) each.get(2));
                    var chain = chain((List<String>) each.get(3));
                    store.setKeyEntry(name, jwk.toRSAKey().toPrivateKey(), password(), chain);
                }
                case "certificate" ->
                    store.setCertificateEntry(name, chain((List<String>) each.get(2))[0]);
                default -> {
                    var protection = new KeyStore.PasswordProtection(password());
                    var secret = new SecretKeySpec(new byte[32], "AES");
                    store.setEntry(name, new KeyStore.SecretKeyEntry(secret), protection);
                }
            }
        }
        var out = new ByteArrayOutputStream();
        store.store(out, password());
        return Base64.getEncoder().encodeToString(out.toByteArray());
    }

    private static Certificate[] chain(List<String> texts) throws Exception {
        var factory = CertificateFactory.getInstance("X.509");
        var chain = new ArrayList<Certificate>();
        for (var text : texts) {
            var data = Base64.getDecoder().decode(text);
            chain.add(factory.generateCertificate(new ByteArrayInputStream(data)));
        }
        return chain.toArray(Certificate[]::new);
    }
}
