//! RFC 7523's own example (§4).

use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::*;

const HEADER: &str = r#"{"alg":"ES256","kid":"16"}"#;
const CLAIMS: &str = r#"{"iss":"https://jwt-idp.example.com",
     "sub":"mailto:mike@example.com",
     "aud":"https://jwt-rp.example.net",
     "nbf":1300815780,
     "exp":1300819380,
     "http://claims.example.com/member":true}"#;

/// The moment `now`, at an authorization server that calls itself as the example says.
fn at(now: u64) -> Fixture {
    let mut jwk = public_jwk(16);
    jwk["kid"] = json!("16");
    let issuer = json!({
        "issuer": "https://jwt-idp.example.com", "jwks": { "keys": [jwk] },
        "audience": ["https://jwt-rp.example.net"],
    });
    let realm = json!({
        "issuer": "https://authz.example.net", "paths": { "token": "/token.oauth2" },
        "trusted_issuers": { "jwt-idp": issuer },
    });
    let keys = jwk_set(&[&key(1, 0, 2_000_000_000)]);
    let realms = json!({ "default": realm });
    let mut fixture = Fixture::configured(realms, &HashMap::from([("SIGNING_KEYS", keys)]));
    fixture.now = UnixTime::from_seconds(now);
    fixture.register("app", |client| {
        may_present(client);
        client.trusted_issuers = vec!["jwt-idp".into()];
    });
    fixture
}

impl Fixture {
    fn rfc7523_example(&self) -> Answer {
        let signed = Signed::assertion("x")
            .header("kid", "16")
            .signed_by(16)
            .with_claims(CLAIMS);
        // The header as the RFC has it, octet for octet.
        assert_eq!(
            signed.split('.').next(),
            Some(&*URL_SAFE_NO_PAD.encode(HEADER))
        );
        let form = format!("grant_type={JWT_BEARER}&assertion={signed}");
        let authorization = basic("app", SECRET);
        let request = Request {
            authorization: Some(&authorization),
            ..post("/token.oauth2", &form)
        };
        self.send_with("authz.example.net", &request, &|octets| {
            octets.fill(1);
            Ok(())
        })
    }
}

#[test]
fn rfc7523_4_the_example_gets_a_token_for_mike() {
    for now in [1_300_815_780, 1_300_816_000, 1_300_819_380 - 300] {
        let answer = at(now).rfc7523_example();
        assert_eq!(answer.claims()["sub"], "jwt-idp:mailto:mike@example.com");
        assert_eq!(answer.claims()["iss"], "https://authz.example.net");
        assert_eq!(
            answer.claims().get("http://claims.example.com/member"),
            None
        );
        assert_eq!(answer.json()["expires_in"], 300);
    }
    // The issuer's clock may be 30 s ahead, but nothing is had of what is over.
    for (now, is_good) in [
        (1_300_815_780 - 30, true),
        (1_300_815_780 - 31, false),
        (1_300_819_380 - 1, true),
        (1_300_819_380, false),
    ] {
        let answer = at(now).rfc7523_example();
        match is_good {
            true => assert_eq!(answer.status(), 200, "{now}: {}", answer.reason()),
            false => assert_eq!(answer.error(), (400, "invalid_grant".into()), "{now}"),
        }
    }
}
