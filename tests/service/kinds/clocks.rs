//! How far the clocks of others may be ahead of ours, wherever they say when something began (FAPI
//! 2.0 Security Profile §5.3.2.1: up to 10 s is accepted, more than 60 s refused), and that the URI
//! of a proof is compared in its normal form (RFC 9449 §4.3).

use super::super::people::People;
use super::super::signed::*;
use super::super::trusted_issuers::*;
use super::super::*;

/// Seconds ahead, and whether that is accepted: both sides of what FAPI asks and of what is chosen.
const AHEAD: [(u64, bool); 7] = [
    (0, true),
    (10, true),
    (11, true),
    (30, true),
    (31, false),
    (61, false),
    (86_400, false),
];

/// The JSON number of a moment, whole or with a fraction.
fn moments(seconds: u64) -> [Value; 2] {
    [json!(NOW + seconds), json!((NOW + seconds) as f64 + 0.25)]
}

/// Sees what comes of each moment as `iat` and as `nbf`; `send` gets a `jti` of its own each time.
fn check(send: impl Fn(&str, Value, &str) -> Answer, error: (u16, &str)) {
    for claim in ["iat", "nbf"] {
        for (seconds, is_accepted) in AHEAD {
            for (at, moment) in moments(seconds).into_iter().enumerate() {
                let answer = send(claim, moment, &format!("{claim}-{seconds}-{at}"));
                if is_accepted {
                    let reason = answer.reason();
                    assert_eq!(answer.status(), 200, "{claim} {seconds}: {reason}");
                } else {
                    let (status, word) = error;
                    assert_eq!(answer.error(), (status, word.into()), "{claim} {seconds}");
                    let begins = format!("begins at {}, now {NOW}", NOW + seconds);
                    assert!(answer.reason().ends_with(&begins), "{}", answer.reason());
                }
            }
        }
    }
}

#[test]
fn client_assertions_may_begin_30_seconds_ahead() {
    let fixture = Fixture::new();
    fixture.register("app", |client| by_assertion(client, jwks(&[CLIENT_KEY])));
    let send = |claim: &str, moment, jti: &str| {
        let assertion = Signed::assertion("app").claim(claim, moment);
        let assertion = assertion.claim("jti", jti).claim("exp", NOW + 300);
        let form = presented(&assertion.text());
        fixture.token_as("", &format!("grant_type=client_credentials{form}"))
    };
    check(send, (401, "invalid_client"));
}

#[test]
fn a_client_that_is_ahead_may_use_all_of_its_300_seconds() {
    let fixture = Fixture::new();
    fixture.register("app", |client| by_assertion(client, jwks(&[CLIENT_KEY])));
    for (ahead, status) in [(10, 200), (30, 200), (31, 401)] {
        let assertion = Signed::assertion("app").claim("exp", NOW + ahead + 300);
        let form = presented(&assertion.claim("jti", format!("j{ahead}")).text());
        let answer = fixture.token_as("", &format!("grant_type=client_credentials{form}"));
        assert_eq!(answer.status(), status, "{ahead}: {}", answer.reason());
    }
}

#[test]
fn assertions_and_tokens_of_trusted_issuers_may_begin_30_seconds_ahead() {
    let fixture = Fixture::trusting();
    let token = |claim: &str, moment, jti: &str| {
        let token = by_idp().claim(claim, moment).claim("jti", jti);
        token.claim("exp", NOW + 300)
    };
    let bear = |claim: &str, moment, jti: &str| fixture.bear(&token(claim, moment, jti), "");
    check(bear, (400, "invalid_grant"));
    let exchange = |claim: &str, moment, jti: &str| {
        let text = token(claim, moment, jti).text();
        fixture.exchange("app", &subject(&text, JWT))
    };
    check(exchange, (400, "invalid_request"));
}

const TOKEN: &str = "https://auth.example/realms/default/token";

impl Fixture {
    /// A token request of `app` with a proof for that URI and those changes.
    fn prove_at(&self, uri: &str, change: impl FnOnce(Signed) -> Signed) -> Answer {
        let authorization = basic("app", SECRET);
        let send = |proof: &str| {
            self.send(&Request {
                authorization: Some(&authorization),
                dpop: Some(proof),
                ..post("/realms/default/token", "grant_type=client_credentials")
            })
        };
        let nonce = send("x").header("dpop-nonce").unwrap().to_owned();
        send(&change(Signed::proof(uri, &nonce)).text())
    }
}

#[test]
fn proofs_may_begin_30_seconds_ahead_though_their_nonce_says_how_old_they_are() {
    let fixture = Fixture::new();
    let send = |claim: &str, moment, jti: &str| {
        fixture.prove_at(TOKEN, |proof| proof.claim(claim, moment).claim("jti", jti))
    };
    check(send, (400, "invalid_dpop_proof"));
    // A clock that is behind does no harm.
    for (jti, iat) in [("b1", 0), ("b2", NOW - 3600)] {
        let answer = fixture.prove_at(TOKEN, |proof| proof.claim("iat", iat).claim("jti", jti));
        assert_eq!(answer.status(), 200, "{iat}: {}", answer.reason());
    }
    for nbf in [json!("1"), json!(-1), json!([NOW])] {
        let answer = fixture.prove_at(TOKEN, |proof| proof.claim("nbf", nbf.clone()));
        assert_eq!(answer.error(), (400, "invalid_dpop_proof".into()), "{nbf}");
    }
}

#[test]
fn a_login_application_may_be_30_seconds_ahead() {
    for (seconds, is_accepted) in AHEAD {
        let people = People::new();
        let asked = people.ask("app", "");
        let answer = people.accept(&asked, json!({ "auth_time": NOW + seconds }));
        let expected = if is_accepted { 200 } else { 400 };
        assert_eq!(answer.status(), expected, "{seconds}: {}", answer.reason());
    }
}

#[test]
fn the_uri_of_a_proof_is_compared_in_its_normal_form() {
    let fixture = Fixture::new();
    for (at, (uri, is_it)) in [
        (TOKEN.replace("/token", "/%74oken"), true),
        (TOKEN.replace("/token", "/%74%6F%6b%65%6e"), true),
        (TOKEN.replace("https://auth", "HTTPS://AUTH"), true),
        (TOKEN.replace(".example", ".example:443"), true),
        (TOKEN.replace(".example", ".example:"), true),
        (TOKEN.replace("/realms", "/x/../realms"), true),
        (TOKEN.replace("/realms", "/./realms"), true),
        (TOKEN.replace("/realms", "/%2e/realms"), true),
        // An encoded slash is no slash, and is decoded once.
        (TOKEN.replace("default/", "default%2F"), false),
        (TOKEN.replace("default/", "default%2f"), false),
        (TOKEN.replace("/token", "/%2574oken"), false),
        (TOKEN.replace("/token", "/%54oken"), false),
        (TOKEN.replace("/token", "/%7"), false),
        (TOKEN.replace("/token", "/token/.."), false),
        (TOKEN.replace("/token", "//token"), false),
        (TOKEN.replace(".example", ".example:80"), false),
        (TOKEN.replace("auth.", "app%40auth."), false),
    ]
    .into_iter()
    .enumerate()
    {
        let answer = fixture.prove_at(&uri, |proof| proof.claim("jti", format!("u{at}")));
        if is_it {
            assert_eq!(answer.status(), 200, "{uri}: {}", answer.reason());
        } else {
            assert_eq!(answer.error(), (400, "invalid_dpop_proof".into()), "{uri}");
            let reason = "DPoP proof: its `htu` is another endpoint";
            assert_eq!(answer.reason(), reason, "{uri}");
        }
    }
}
