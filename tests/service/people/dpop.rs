//! RFC 9449 §5, §7, §9, §10: codes, refresh tokens and access tokens for the holder of a key.

use super::super::signed::*;
use super::*;

/// The key of whoever else there is.
const OTHER_KEY: u8 = 22;

/// Clients of a realm with people, each with a key of its own to prove.
struct Holders {
    people: People,
    proofs: Cell<u32>,
}

impl Holders {
    fn new() -> Self {
        let (people, proofs) = (People::new(), Cell::new(0));
        Self { people, proofs }
    }

    fn nonce(&self) -> String {
        let answer = self.people.send(&Request {
            dpop: Some("x"),
            ..post("/token", "")
        });
        answer.header("dpop-nonce").unwrap().to_owned()
    }

    /// A good proof for an endpoint, by a key.
    fn proof(&self, method: &str, path: &str, octet: u8) -> Signed {
        self.proofs.set(self.proofs.get() + 1);
        Signed::proof(&format!("{ISSUER}{path}"), &self.nonce())
            .claim("htm", method)
            .claim("jti", format!("p{}", self.proofs.get()))
            .with_jwk(public_jwk(octet))
            .signed_by(octet)
    }

    /// Sends a form with a proof by that key, if any.
    fn post(&self, path: &str, id: &str, form: &str, key: Option<u8>) -> Answer {
        let proof = key.map(|octet| self.proof("POST", path, octet).text());
        let authorization = basic(id, SECRET);
        self.people.send(&Request {
            authorization: Some(&*authorization).filter(|_| id != "spa"),
            dpop: proof.as_deref(),
            ..post(path, &format!("{form}&client_id={id}"))
        })
    }

    fn redeem(&self, id: &str, code: &str, key: Option<u8>) -> Answer {
        let uri = encoded(CALLBACK);
        let form = format!(
            "grant_type=authorization_code&code={code}&redirect_uri={uri}&code_verifier={VERIFIER}"
        );
        self.post("/token", id, &form, key)
    }

    fn refresh(&self, id: &str, tokens: &Answer, key: Option<u8>) -> Answer {
        let token = tokens.text("refresh_token");
        let form = format!("grant_type=refresh_token&refresh_token={token}");
        self.post("/token", id, &form, key)
    }

    fn code(&self, id: &str, more: &str) -> String {
        self.people
            .code(id, &format!("&scope=openid+read{PKCE}{more}"), json!({}))
    }

    /// Tokens for the holder of the client's key.
    fn tokens(&self, id: &str) -> Answer {
        self.redeem(id, &self.code(id, ""), Some(CLIENT_KEY))
    }

    fn userinfo(&self, authorization: &str, proof: Option<&str>) -> Answer {
        self.people.send(&Request {
            method: "GET",
            path: "/userinfo",
            authorization: Some(authorization),
            dpop: proof,
            ..Request::default()
        })
    }
}

fn assert_for_key(answer: &Answer, octet: u8) {
    assert_eq!(
        answer.claims()["cnf"],
        json!({ "jkt": kid(octet) }),
        "{}",
        answer.reason()
    );
    assert_eq!(answer.text("token_type"), "DPoP");
}

#[test]
fn a_code_for_a_key_needs_its_proof() {
    let holders = Holders::new();
    for id in ["app", "spa"] {
        let code = holders.code(id, &format!("&dpop_jkt={}", kid(CLIENT_KEY)));
        for (name, key) in [("another key", Some(OTHER_KEY)), ("no key", None)] {
            let refused = holders.redeem(id, &code, key);
            assert_eq!(refused.error(), invalid_grant(), "{id}, {name}");
            assert_eq!(refused.reason(), "not the holder of the key or certificate");
        }
        assert_for_key(&holders.redeem(id, &code, Some(CLIENT_KEY)), CLIENT_KEY);
    }
    // A code for nobody in particular is for whoever proves a key with it.
    assert_for_key(
        &holders.redeem("app", &holders.code("app", ""), Some(OTHER_KEY)),
        OTHER_KEY,
    );
}

#[test]
fn a_thumbprint_that_is_none_is_refused_at_the_authorization_endpoint() {
    let people = People::new();
    let good = kid(CLIENT_KEY);
    for bad in [
        &good[1..],
        &format!("{good}A"),
        &good.replace(&good[..1], "%2B"),
        "x",
    ] {
        let query = format!("response_type=code&client_id=app&dpop_jkt={bad}");
        let answer = people.authorize(&query);
        assert_eq!(
            answer.location("error").as_deref(),
            Some("invalid_request"),
            "{bad}"
        );
    }
}

#[test]
fn a_proof_with_a_pushed_request_binds_its_code() {
    let holders = Holders::new();
    let push = |more: &str, key| {
        let form = format!("response_type=code&scope=read{PKCE}{more}");
        holders.post("/par", "app", &form, key)
    };
    let own = format!("&dpop_jkt={}", kid(CLIENT_KEY));
    let contradicted = push(&own, Some(OTHER_KEY));
    assert_eq!(contradicted.error(), (400, "invalid_dpop_proof".into()));
    assert_eq!(contradicted.reason(), "DPoP proof: it is of another key");
    for (name, more, key) in [
        ("by its proof", "", Some(CLIENT_KEY)),
        ("by dpop_jkt", &*own, None),
        ("by both", &own, Some(CLIENT_KEY)),
    ] {
        let pushed = push(more, key);
        assert_eq!(pushed.status(), 201, "{name}: {}", pushed.reason());
        assert_eq!(
            pushed.header("dpop-nonce").is_some(),
            key.is_some(),
            "{name}"
        );
        let uri = encoded(&pushed.text("request_uri"));
        let asked = holders
            .people
            .authorize(&format!("client_id=app&request_uri={uri}"));
        let asked = Asked::read(&asked);
        holders.people.accept(&asked, json!({}));
        let code = holders.people.resume(&asked).location("code").unwrap();
        let form = format!("grant_type=authorization_code&code={code}&code_verifier={VERIFIER}");
        for key in [Some(OTHER_KEY), None] {
            let refused = holders.post("/token", "app", &form, key);
            assert_eq!(refused.error(), invalid_grant(), "{name}");
        }
        let redeemed = holders.post("/token", "app", &form, Some(CLIENT_KEY));
        assert_for_key(&redeemed, CLIENT_KEY);
    }
}

#[test]
fn a_pushed_request_needs_a_nonce_and_uses_its_proof() {
    let holders = Holders::new();
    let push = |proof: &Signed| {
        holders.people.send(&Request {
            authorization: Some(&basic("app", SECRET)),
            dpop: Some(&proof.text()),
            ..post("/par", "response_type=code")
        })
    };
    let proof = holders.proof("POST", "/par", CLIENT_KEY);
    let without = push(&proof.clone().without("nonce"));
    assert_eq!(without.error(), (400, "use_dpop_nonce".into()));
    assert!(without.header("dpop-nonce").is_some());
    let elsewhere = push(&holders.proof("POST", "/token", CLIENT_KEY));
    assert_eq!(
        elsewhere.reason(),
        "DPoP proof: its `htu` is another endpoint"
    );
    assert_eq!(push(&proof).status(), 201);
    assert_eq!(
        push(&proof).reason(),
        "DPoP proof: its `jti` was used before"
    );
}

#[test]
fn refresh_tokens_of_a_public_client_are_for_its_key() {
    let holders = Holders::new();
    let first = holders.tokens("spa");
    for (name, key) in [("another key", Some(OTHER_KEY)), ("no key", None)] {
        let refused = holders.refresh("spa", &first, key);
        assert_eq!(refused.error(), invalid_grant(), "{name}");
        assert_eq!(
            refused.reason(),
            "not the holder of the key or certificate",
            "{name}"
        );
    }
    let second = holders.refresh("spa", &first, Some(CLIENT_KEY));
    assert_for_key(&second, CLIENT_KEY);
    let third = holders.refresh("spa", &second, Some(CLIENT_KEY));
    // Who has a used token and not the key does not end the family with it; who has both does.
    assert_eq!(
        holders.refresh("spa", &first, Some(OTHER_KEY)).error(),
        invalid_grant()
    );
    let fourth = holders.refresh("spa", &third, Some(CLIENT_KEY));
    assert_for_key(&fourth, CLIENT_KEY);
    let replay = holders.refresh("spa", &first, Some(CLIENT_KEY));
    assert!(replay.reason().contains("revoked"), "{}", replay.reason());
    assert_eq!(
        holders.refresh("spa", &fourth, Some(CLIENT_KEY)).error(),
        invalid_grant()
    );
}

#[test]
fn refresh_tokens_of_a_confidential_client_are_for_the_client() {
    let holders = Holders::new();
    let first = holders.tokens("app");
    let second = holders.refresh("app", &first, Some(OTHER_KEY));
    assert_for_key(&second, OTHER_KEY);
    let third = holders.refresh("app", &second, None);
    assert_eq!(
        (third.text("token_type"), third.claims().get("cnf")),
        ("Bearer".into(), None)
    );
}

#[test]
fn a_client_of_bound_tokens_alone_keeps_its_code_until_it_proves_a_key() {
    let holders = Holders::new();
    holders
        .people
        .register("app", |client| client.dpop_bound_access_tokens = true);
    let code = holders.code("app", "");
    let refused = holders.redeem("app", &code, None);
    assert_eq!(refused.error(), (400, "invalid_dpop_proof".into()));
    let tokens = holders.redeem("app", &code, Some(CLIENT_KEY));
    assert_for_key(&tokens, CLIENT_KEY);
    assert_eq!(
        holders.refresh("app", &tokens, None).error(),
        (400, "invalid_dpop_proof".into())
    );
    assert_eq!(
        holders.refresh("app", &tokens, Some(CLIENT_KEY)).status(),
        200
    );
}

#[test]
fn userinfo_wants_the_proof_that_belongs_to_the_token() {
    // RFC 9449 §7.1.
    assert_eq!(
        ath("Kz~8mXK1EalYznwH-LC-1fBAo.4Ljp~zsPE_NeO.gxU"),
        "fUHyO2r2Z3DZ53EsNrWBb0xWXoaNy59IiKCAqksmQEo"
    );
    let holders = Holders::new();
    let token = holders.tokens("spa").text("access_token");
    let other_token = holders.tokens("spa").text("access_token");
    let unbound = holders
        .redeem("app", &holders.code("app", ""), None)
        .text("access_token");
    let by = |token: &str, octet: u8| {
        holders
            .proof("GET", "/userinfo", octet)
            .claim("ath", ath(token))
    };
    let dpop = format!("DPoP {token}");
    for authorization in [&*dpop, &dpop.replace("DPoP", "dpop")] {
        let answer = holders.userinfo(authorization, Some(&by(&token, CLIENT_KEY).text()));
        assert_eq!(
            answer.json(),
            json!({ "sub": "1302" }),
            "{}",
            answer.reason()
        );
        assert!(answer.header("dpop-nonce").is_some());
    }
    let used = by(&token, CLIENT_KEY);
    assert_eq!(holders.userinfo(&dpop, Some(&used.text())).status(), 200);

    let good = || by(&token, CLIENT_KEY);
    let is_proof = |reason: &str| format!("DPoP proof: {reason}");
    let is_token = "invalid access token: bound to a key, or not".to_owned();
    for (name, authorization, proof, reason) in [
        ("no proof", &*dpop, None, is_proof("no DPoP proof")),
        (
            "no nonce",
            &dpop,
            Some(good().without("nonce")),
            is_proof(NONCE),
        ),
        (
            "another nonce",
            &dpop,
            Some(good().claim("nonce", "x")),
            is_proof(NONCE),
        ),
        ("no ath", &dpop, Some(good().without("ath")), is_proof(ATH)),
        (
            "ath a number",
            &dpop,
            Some(good().claim("ath", 1)),
            is_proof(ATH),
        ),
        (
            "ath of another token",
            &dpop,
            Some(by(&other_token, CLIENT_KEY)),
            is_proof(ATH),
        ),
        (
            "ath in upper case",
            &dpop,
            Some(good().claim("ath", ath(&token).to_uppercase())),
            is_proof(ATH),
        ),
        (
            "another key",
            &dpop,
            Some(by(&token, OTHER_KEY)),
            is_proof("it is of another key"),
        ),
        (
            "another signature",
            &dpop,
            Some(good().signed_by(OTHER_KEY)),
            is_proof("its signature is not the key's"),
        ),
        (
            "another method",
            &dpop,
            Some(good().claim("htm", "POST")),
            is_proof("its `htm` is another method"),
        ),
        (
            "another endpoint",
            &dpop,
            Some(good().claim("htu", format!("{ISSUER}/token"))),
            is_proof("its `htu` is another endpoint"),
        ),
        (
            "a replay",
            &dpop,
            Some(used.clone()),
            is_proof("its `jti` was used before"),
        ),
        (
            "as a bearer token",
            &format!("Bearer {token}"),
            Some(good()),
            is_token.clone(),
        ),
        (
            "as a bearer token alone",
            &format!("Bearer {token}"),
            None,
            is_token.clone(),
        ),
        (
            "a bearer token by proof",
            &format!("DPoP {unbound}"),
            Some(by(&unbound, CLIENT_KEY)),
            is_token,
        ),
        (
            "no token",
            "DPoP ",
            Some(good()),
            "invalid access token: not one of this realm".into(),
        ),
        (
            "another scheme",
            &format!("Basic {token}"),
            Some(good()),
            "no bearer token".into(),
        ),
    ] {
        let has_proof = proof.is_some();
        let answer = holders.userinfo(authorization, proof.map(|proof| proof.text()).as_deref());
        assert_eq!(answer.status(), 401, "{name}");
        assert_eq!(answer.reason(), reason, "{name}");
        let challenge = match (reason.ends_with(NONCE), reason.starts_with("DPoP proof")) {
            (true, _) => r#"DPoP realm="default", error="use_dpop_nonce", algs="ES256""#,
            (_, true) => r#"DPoP realm="default", error="invalid_dpop_proof", algs="ES256""#,
            _ if reason == "no bearer token" => r#"Bearer realm="default""#,
            _ => r#"Bearer realm="default", error="invalid_token""#,
        };
        assert_eq!(answer.header("www-authenticate"), Some(challenge), "{name}");
        assert_eq!(answer.header("dpop-nonce").is_some(), has_proof, "{name}");
    }
    assert_eq!(holders.userinfo(&dpop, Some(&good().text())).status(), 200);
}

const NONCE: &str = "its `nonce` is missing, unknown or too old";
const ATH: &str = "its `ath` is not the access token's";
