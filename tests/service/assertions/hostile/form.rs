//! Signatures, encodings and headers (RFC 7515).

use hmac::{Hmac, KeyInit as _, Mac as _};
use p256::ecdsa::Signature;
use sha2::Sha256;

use super::*;

/// The order of P-256, which R and S are below (FIPS 186-5 §6.4.2).
const ORDER: [u8; 32] = [
    0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xbc, 0xe6,
    0xfa, 0xad, 0xa7, 0x17, 0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51,
];

pub(super) fn signatures() -> Vec<Row> {
    let octets = |signature: Signature| signature.to_bytes().to_vec();
    let halves = |r: Option<[u8; 32]>, s: Option<[u8; 32]>| {
        good().with_signature(|signature| {
            let (own_r, own_s) = signature.split_bytes();
            [r.unwrap_or(own_r.into()), s.unwrap_or(own_s.into())].concat()
        })
    };
    let text = good().text();
    let (unsigned, _) = text.rsplit_once('.').unwrap();
    let another = good().claim("jti", "a2").text();
    let (_, of_another) = another.rsplit_once('.').unwrap();
    let malformed = [
        ("no signature", unsigned.to_owned()),
        ("an empty signature", format!("{unsigned}.")),
        (
            "half a signature",
            good().with_signature(|s| octets(s)[..32].to_vec()),
        ),
        (
            "a signature of 63 octets",
            good().with_signature(|s| octets(s)[..63].to_vec()),
        ),
        (
            "a signature of 65 octets",
            good().with_signature(|s| [octets(s), vec![0]].concat()),
        ),
        (
            "a signature in DER",
            good().with_signature(|s| s.to_der().as_bytes().to_vec()),
        ),
        ("a signature of zeros", halves(Some([0; 32]), Some([0; 32]))),
        (
            "a signature of ones",
            halves(Some([0xff; 32]), Some([0xff; 32])),
        ),
        ("R of zero", halves(Some([0; 32]), None)),
        ("S of zero", halves(None, Some([0; 32]))),
        ("R of the order", halves(Some(ORDER), None)),
        ("S of the order", halves(None, Some(ORDER))),
    ];
    let wrong = [
        ("a signature by another key", good().signed_by(22).text()),
        ("a signature by the realm's key", good().signed_by(1).text()),
        (
            "the signature of another message",
            format!("{unsigned}.{of_another}"),
        ),
        (
            "R and S swapped",
            good().with_signature(|s| {
                let (r, s) = s.split_bytes();
                [s, r].concat()
            }),
        ),
        (
            "a bit of R flipped",
            good().with_signature(|s| flipped(octets(s), 31)),
        ),
        (
            "a bit of S flipped",
            good().with_signature(|s| flipped(octets(s), 63)),
        ),
    ];
    [because(MALFORMED, malformed), because(SIGNATURE, wrong)]
        .into_iter()
        .flatten()
        .collect()
}

fn flipped(mut octets: Vec<u8>, at: usize) -> Vec<u8> {
    octets[at] ^= 1;
    octets
}

pub(super) fn encodings() -> Vec<Row> {
    let text = good().text();
    let parts = text.split('.').collect::<Vec<_>>();
    let [header, claims, signature] = parts[..] else {
        panic!("three parts");
    };
    let standard = signature.replace('-', "+").replace('_', "/");
    assert_ne!(
        standard, signature,
        "a signature to tell the alphabets apart"
    );
    let json = good().claims();
    let repeated = |member: &str| json.replacen('{', &format!("{{{member},"), 1);
    because(
        MALFORMED,
        [
            ("a padded header", format!("{header}=.{claims}.{signature}")),
            ("a padded signature", format!("{text}==")),
            (
                "the standard alphabet",
                format!("{header}.{claims}.{standard}"),
            ),
            ("a space in front", format!(" {text}")),
            ("a line break at the end", format!("{text}\n")),
            (
                "a line break within",
                format!("{header}.{claims}\n.{signature}"),
            ),
            ("stray bits at the end", with_stray_bits(&text)),
            ("two parts", format!("{header}.{claims}")),
            ("four parts", format!("{text}.{signature}")),
            (
                "five parts",
                format!("{header}.{claims}.{header}.{claims}.{signature}"),
            ),
            ("dots alone", "..".to_owned()),
            ("a text", "x".to_owned()),
            ("an empty header", format!(".{claims}.{signature}")),
            ("empty claims", format!("{header}..{signature}")),
            ("a header that is no JSON", good().with_header("alg: ES256")),
            (
                "a header that is a list",
                good().with_header(r#"["ES256"]"#),
            ),
            (
                "a header with text behind",
                good().with_header(r#"{"alg":"ES256"} {}"#),
            ),
            (
                "a header with `alg` twice",
                good().with_header(r#"{"alg":"ES256","alg":"ES256"}"#),
            ),
            ("claims that are no JSON", good().with_claims("iss=app")),
            (
                "claims that are a list",
                good().with_claims(format!("[{json}]")),
            ),
            (
                "claims with text behind",
                good().with_claims(format!("{json}x")),
            ),
            (
                "claims with a byte order mark",
                good().with_claims(format!("\u{feff}{json}")),
            ),
            (
                "claims with `sub` twice",
                good().with_claims(repeated(r#""sub":"app""#)),
            ),
            (
                "claims with `aud` twice",
                good().with_claims(repeated(r#""aud":"x""#)),
            ),
            (
                "a repeated member within a claim",
                good().with_claims(repeated(r#""x":{"a":1,"a":1}"#)),
            ),
            (
                "claims that are not UTF-8",
                good().with_claims([json.as_bytes(), b"\xff"].concat()),
            ),
            (
                "a text that is not UTF-8",
                good().with_claims(
                    json.replace("a1", "?")
                        .into_bytes()
                        .iter()
                        .map(|b| if *b == b'?' { 0xff } else { *b })
                        .collect::<Vec<_>>(),
                ),
            ),
        ],
    )
}

/// The same octets to a lenient reader: the last of 86 characters has four bits too many.
fn with_stray_bits(text: &str) -> String {
    let (head, last) = text.split_at(text.len() - 1);
    let next = char::from(last.as_bytes()[0] + 1);
    format!("{head}{next}")
}

pub(super) fn headers() -> Vec<Row> {
    let alg = |name: &str| good().header("alg", name).text();
    let text = alg("none");
    let (unsigned, _) = text.rsplit_once('.').unwrap();
    let algorithms = [
        ("alg none", alg("none")),
        ("alg none without a signature", format!("{unsigned}.")),
        ("alg None", alg("None")),
        ("alg NONE", alg("NONE")),
        ("alg es256", alg("es256")),
        ("alg RS256", alg("RS256")),
        ("alg ES384", alg("ES384")),
        ("alg EdDSA", alg("EdDSA")),
        ("alg HS256 under the public key", by_public_key()),
        ("no alg", good().without("alg").text()),
        ("alg null", good().header("alg", Value::Null).text()),
        ("alg a number", good().header("alg", 256).text()),
        ("alg a list", good().header("alg", json!(["ES256"])).text()),
    ];
    let (json, unencoded) = (good().claims(), good().header("b64", false).text());
    let parts = unencoded.split('.').collect::<Vec<_>>();
    let malformed = [
        (
            "claims unencoded by b64",
            format!("{}.{json}.{}", parts[0], parts[2]),
        ),
        ("kid a number", good().header("kid", 1).text()),
        ("typ a number", good().header("typ", 1).text()),
        ("jwk a text", good().with_jwk(json!("x")).text()),
    ];
    let own_key = good().without("kid").signed_by(22).with_jwk(public_jwk(22));
    let named = |key: u8| good().header("kid", kid(key)).signed_by(key);
    let unknown = [
        ("the kid of another client's key", named(22).text()),
        ("the kid of the realm's key", named(1).text()),
        ("an unknown kid", good().header("kid", "k").text()),
        ("an empty kid", good().header("kid", "").text()),
        (
            "the kid in upper case",
            good().header("kid", kid(CLIENT_KEY).to_uppercase()).text(),
        ),
        (
            "no kid of two keys",
            Signed::assertion("two").without("kid").text(),
        ),
    ];
    let of_type = |typ: &str| good().header("typ", typ).text();
    let types = [
        ("typ at+jwt", of_type("at+jwt")),
        ("typ dpop+jwt", of_type("dpop+jwt")),
        ("typ empty", of_type("")),
    ];
    let refers = |member, value: Value| good().header(member, value).text();
    let references = [
        ("jku", refers("jku", json!("https://evil.example/jwks"))),
        ("x5u", refers("x5u", json!("https://evil.example/x5u"))),
        ("x5c", refers("x5c", json!(["MIIB"]))),
    ];
    let critical = [
        ("crit", refers("crit", json!(["exp"]))),
        ("an empty crit", refers("crit", json!([]))),
        (
            "b64 with crit",
            good()
                .header("b64", false)
                .header("crit", json!(["b64"]))
                .text(),
        ),
    ];
    let embedded = [
        ("an embedded key that signed", own_key.text()),
        (
            "the client's key, embedded",
            good().with_jwk(public_jwk(CLIENT_KEY)).text(),
        ),
    ];
    let rows = [
        because(ALGORITHM, algorithms),
        because(MALFORMED, malformed),
        because(UNKNOWN_KEY, unknown),
        because(TOKEN_TYPE, types),
        because("its header refers to a key of its own", references),
        because("its header has `crit`", critical),
        because("its header has a key of its own", embedded),
    ];
    rows.into_iter().flatten().collect()
}

/// The confusion of RFC 8725 §2.1: what everybody knows, the public key, taken for a shared secret.
fn by_public_key() -> String {
    let text = good().header("alg", "HS256").text();
    let (unsigned, _) = text.rsplit_once('.').unwrap();
    let public = key(CLIENT_KEY, 0, 1).to_public_der();
    let mut mac = Hmac::<Sha256>::new_from_slice(&public).unwrap();
    mac.update(unsigned.as_bytes());
    let tag = mac.finalize().into_bytes();
    format!("{unsigned}.{}", URL_SAFE_NO_PAD.encode(tag))
}
