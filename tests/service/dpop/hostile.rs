//! Proofs that prove nothing (RFC 9449 §4.3, §11). Each differs from a good one in one thing.

use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::*;

/// A proof: its name, its text, and why it is none.
type Row = (&'static str, String, String);

const MALFORMED: &str = "not a signed token in the compact form";
const SIGNATURE: &str = "its signature is not the key's";
const TYPE: &str = "its `typ` is not dpop+jwt";
const KEY: &str = "its `jwk` is no public P-256 key";
const METHOD: &str = "its `htm` is another method";
const URI: &str = "its `htu` is another endpoint";
const NONCE: &str = "its `nonce` is missing, unknown or too old";
const REPLAYED: &str = "its `jti` was used before";

/// Proofs that fail for one reason.
fn because<const N: usize>(reason: &str, proofs: [(&'static str, Signed); N]) -> Vec<Row> {
    texts_because(reason, proofs.map(|(name, proof)| (name, proof.text())))
}

fn texts_because<const N: usize>(reason: &str, proofs: [(&'static str, String); N]) -> Vec<Row> {
    let reason = format!("DPoP proof: {reason}");
    proofs
        .map(|(name, text)| (name, text, reason.clone()))
        .into()
}

#[test]
fn hostile_proofs_are_refused_each_for_its_reason() {
    let realms = json!({
        "default": { "issuer": ISSUER },
        "other": { "issuer": "https://auth.example/realms/other" },
    });
    let mut fixture = Fixture::configured(realms, &secrets());
    fixture.register("app", |_| ());
    let good = fixture.proof();
    let used = good.clone().claim("jti", "used");
    assert_eq!(fixture.prove(&used.text()).status(), 200);
    let replays = [
        ("the same again", used.clone()),
        ("the same jti, signed again", used.claim("iat", 0)),
    ];
    let rows = [
        forms(&good, &fixture),
        keys(&good),
        claims(&good),
        nonces(&good, &mut fixture),
        because(REPLAYED, replays),
    ];
    let rows = rows.into_iter().flatten().collect::<Vec<_>>();
    let proof_error = fixture.prove("x").response;
    let nonce_error = fixture
        .prove(&good.clone().without("nonce").text())
        .response;
    for (name, proof, reason) in &rows {
        let acts = fixture.store.acts();
        let answer = fixture.prove(proof);
        let (expected, word) = match reason.ends_with(NONCE) {
            true => (&nonce_error, "use_dpop_nonce"),
            false => (&proof_error, "invalid_dpop_proof"),
        };
        assert_eq!(answer.error(), (400, word.into()), "{name}");
        assert_eq!(&answer.response, expected, "{name}");
        assert_eq!(&answer.reason(), reason, "{name}");
        let is_replay = reason.ends_with(REPLAYED);
        assert_eq!(
            fixture.store.acts() - acts,
            usize::from(is_replay),
            "{name}"
        );
    }
    assert_eq!(fixture.prove(&good.text()).status(), 200);
    println!("{} hostile proofs refused, each for its reason", rows.len());
    assert!(rows.len() >= 25);
}

fn forms(good: &Signed, fixture: &Fixture) -> Vec<Row> {
    let text = good.text();
    let other = good.clone().claim("jti", "p2").text();
    let (unsigned, _) = text.rsplit_once('.').unwrap();
    let alg = |alg: &str| good.clone().header("alg", alg);
    let typ = |typ: &str| good.clone().header("typ", typ);
    let header = |member, value: Value| good.clone().header(member, value);
    let repeated = good.claims().replacen('{', r#"{"nonce":"x","#, 1);
    let access_token = fixture.token("").json()["access_token"]
        .as_str()
        .unwrap()
        .to_owned();
    let malformed = [
        ("an empty field", String::new()),
        ("a text", "x".to_owned()),
        ("no signature", unsigned.to_owned()),
        ("an empty signature", format!("{unsigned}.")),
        ("two proofs", format!("{text}, {other}")),
        ("two proofs without a space", format!("{text},{other}")),
        ("the same proof twice", format!("{text}, {text}")),
        ("a claim twice", good.with_claims(repeated)),
        ("claims that are a list", good.with_claims("[]")),
        (
            "a jwk that is a text",
            good.clone().with_jwk(json!("x")).text(),
        ),
    ];
    let rows = [
        texts_because(MALFORMED, malformed),
        because(
            "its algorithm is not ES256",
            [
                ("alg none", alg("none")),
                ("alg HS256", alg("HS256")),
                ("alg ES384", alg("ES384")),
                ("no alg", good.clone().without("alg")),
            ],
        ),
        because(
            TYPE,
            [
                ("no typ", good.clone().without("typ")),
                ("typ JWT", typ("JWT")),
                ("typ at+jwt", typ("at+jwt")),
                ("an assertion", Signed::assertion("app")),
            ],
        ),
        texts_because(TYPE, [("an access token", access_token)]),
        because(
            "its header has `crit`",
            [("crit", header("crit", json!(["nonce"])))],
        ),
        because(
            "its header refers to a key of its own",
            [
                ("jku", header("jku", json!("https://evil.example/jwks"))),
                ("x5c", header("x5c", json!(["MIIB"]))),
            ],
        ),
    ];
    rows.into_iter().flatten().collect()
}

fn keys(good: &Signed) -> Vec<Row> {
    let with = |member: &str, value: Value| {
        let mut jwk = public_jwk(CLIENT_KEY);
        jwk[member] = value;
        good.clone().with_jwk(jwk)
    };
    let jwk = |jwk: Value| good.clone().with_jwk(jwk);
    let private = serde_json::to_value(key(CLIENT_KEY, 0, 1).to_private_jwk()).unwrap();
    let wrong = [
        ("no jwk", good.clone().without("jwk")),
        (
            "a kid for a jwk",
            good.clone().without("jwk").header("kid", kid(CLIENT_KEY)),
        ),
        ("an empty jwk", jwk(json!({}))),
        ("a private key", jwk(private)),
        (
            "an RSA key",
            jwk(json!({ "kty": "RSA", "n": "AQAB", "e": "AQAB" })),
        ),
        ("a shared key", jwk(json!({ "kty": "oct", "k": "AQAB" }))),
        ("a key of P-384", with("crv", json!("P-384"))),
        ("a key for encryption", with("use", json!("enc"))),
        (
            "a point off the curve",
            with("y", public_jwk(22)["y"].clone()),
        ),
        ("a point without y", with("y", Value::Null)),
    ];
    let flipped = good.with_signature(|signature| {
        let mut octets = signature.to_bytes().to_vec();
        octets[63] ^= 1;
        octets
    });
    let rows = [
        because(KEY, wrong),
        because(
            SIGNATURE,
            [
                ("a signature by another key", good.clone().signed_by(22)),
                (
                    "another key than that of the signature",
                    jwk(public_jwk(22)),
                ),
            ],
        ),
        texts_because(SIGNATURE, [("a bit flipped", flipped)]),
    ];
    rows.into_iter().flatten().collect()
}

fn claims(good: &Signed) -> Vec<Row> {
    let missing = |claim: &'static str, rows: [(&'static str, Value); 2]| {
        let reason = format!("its claim `{claim}` is missing or malformed");
        let bad = rows.map(|(name, value)| (name, good.clone().claim(claim, value)));
        because(&reason, bad)
    };
    let htm = |method: &str| good.clone().claim("htm", method);
    let htu = |uri: String| good.clone().claim("htu", uri);
    let uris = [
        ("htu another host", htu(TOKEN.replace("auth.", "evil."))),
        ("htu another path", htu(TOKEN.replace("/token", "/par"))),
        (
            "htu the other path of the endpoint",
            htu("https://auth.example/token".into()),
        ),
        ("htu another realm", htu(TOKEN.replace("default", "other"))),
        ("htu another scheme", htu(TOKEN.replace("https", "http"))),
        (
            "htu another port",
            htu(TOKEN.replace("example", "example:8443")),
        ),
        ("htu with a user", htu(TOKEN.replace("auth", "app@auth"))),
        (
            "htu a path in upper case",
            htu(TOKEN.replace("token", "TOKEN")),
        ),
        ("htu a slash behind", htu(format!("{TOKEN}/"))),
        ("htu a path alone", htu("/realms/default/token".into())),
    ];
    let rows = [
        missing("jti", [("no jti", Value::Null), ("jti empty", json!(""))]),
        missing(
            "jti",
            [
                ("jti a number", json!(1)),
                ("jti too long", json!("j".repeat(1025))),
            ],
        ),
        missing(
            "htm",
            [("no htm", Value::Null), ("htm a list", json!(["POST"]))],
        ),
        missing("htu", [("no htu", Value::Null), ("htu empty", json!(""))]),
        missing(
            "iat",
            [
                ("no iat", Value::Null),
                ("iat a text", json!(NOW.to_string())),
            ],
        ),
        missing(
            "iat",
            [("iat negative", json!(-1)), ("iat true", json!(true))],
        ),
        because(
            METHOD,
            [("htm GET", htm("GET")), ("htm in lower case", htm("post"))],
        ),
        because(URI, uris),
    ];
    rows.into_iter().flatten().collect()
}

fn nonces(good: &Signed, fixture: &mut Fixture) -> Vec<Row> {
    let nonce = fixture.nonce_at(NOW);
    let bent = |change: &dyn Fn(&mut Vec<u8>)| {
        let mut octets = URL_SAFE_NO_PAD.decode(&nonce).unwrap();
        change(&mut octets);
        URL_SAFE_NO_PAD.encode(octets)
    };
    let foreign = fixture.send(&Request {
        dpop: Some("x"),
        ..post("/realms/other/token", GRANT)
    });
    let with = |nonce: String| good.clone().claim("nonce", nonce);
    because(
        NONCE,
        [
            ("no nonce", good.clone().without("nonce")),
            ("nonce empty", with(String::new())),
            ("nonce a number", good.clone().claim("nonce", 1)),
            ("nonce of another realm", with(foreign.nonce())),
            ("nonce too old", with(fixture.nonce_at(NOW - 300))),
            ("nonce from the future", with(fixture.nonce_at(NOW + 31))),
            (
                "nonce with a later moment",
                with(bent(&|octets| octets[7] += 1)),
            ),
            (
                "nonce with another MAC",
                with(bent(&|octets| octets[39] ^= 1)),
            ),
            (
                "nonce without its MAC",
                with(bent(&|octets| octets.truncate(8))),
            ),
            ("nonce cut short", with(bent(&|octets| octets.truncate(39)))),
            ("nonce with more", with(bent(&|octets| octets.push(0)))),
            ("nonce padded", with(format!("{nonce}=="))),
        ],
    )
}
