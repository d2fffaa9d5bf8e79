//! RFC 9449 at the token endpoint: tokens for the holder of a key. `people::dpop` goes on with them.

mod hostile;

use super::signed::*;
use super::*;

const TOKEN: &str = "https://auth.example/realms/default/token";
const GRANT: &str = "grant_type=client_credentials";

impl Fixture {
    /// A token request of `app` with a proof.
    fn prove(&self, proof: &str) -> Answer {
        self.prove_as(&basic("app", SECRET), proof)
    }

    fn prove_as(&self, authorization: &str, proof: &str) -> Answer {
        self.send(&Request {
            authorization: Some(authorization),
            dpop: Some(proof),
            ..post("/realms/default/token", GRANT)
        })
    }

    /// The nonce of a moment.
    fn nonce_at(&mut self, moment: u64) -> String {
        let now = std::mem::replace(&mut self.now, UnixTime::from_seconds(moment));
        let nonce = self.prove("x").nonce();
        self.now = now;
        nonce
    }

    /// A good proof.
    fn proof(&self) -> Signed {
        Signed::proof(TOKEN, &self.prove("x").nonce())
    }
}

impl Answer {
    fn nonce(&self) -> String {
        self.header("dpop-nonce").expect("a nonce").to_owned()
    }
}

#[test]
fn a_proof_gets_a_nonce_and_with_it_a_token_for_its_key() {
    let fixture = Fixture::new();
    let without = fixture.prove(&Signed::proof(TOKEN, "").without("nonce").text());
    assert_eq!(without.error(), (400, "use_dpop_nonce".into()));
    assert_eq!(without.header("www-authenticate"), None);
    let answer = fixture.prove(&Signed::proof(TOKEN, &without.nonce()).text());
    assert_eq!(answer.claims()["cnf"], json!({ "jkt": kid(CLIENT_KEY) }));
    assert_eq!(answer.json()["token_type"], "DPoP");
    assert_eq!(answer.log()["jkt"], json!(kid(CLIENT_KEY)));
    assert_eq!(answer.nonce(), without.nonce());
    // Whoever brings no proof hears nothing of all that.
    let plain = fixture.token("");
    assert_eq!(plain.json()["token_type"], "Bearer");
    assert_eq!(
        (plain.claims().get("cnf"), plain.header("dpop-nonce")),
        (None, None)
    );
}

#[test]
fn every_answer_to_a_proof_has_a_nonce() {
    let fixture = Fixture::new();
    let (app, wrong) = (basic("app", SECRET), basic("app", "wrong"));
    let proof = fixture.proof();
    let request = |method, authorization, body: &'static str| Request {
        method,
        authorization: Some(authorization),
        ..post("/realms/default/token", body)
    };
    let good = proof.text();
    for (request, dpop, status) in [
        (request("POST", &app, GRANT), &*good, 200),
        (request("POST", &app, GRANT), &good, 400),
        (request("POST", &app, GRANT), "", 400),
        (request("POST", &app, "%"), &good, 400),
        (request("POST", &wrong, GRANT), &good, 401),
        (request("GET", &app, GRANT), &good, 405),
    ] {
        let answer = fixture.send(&Request {
            dpop: Some(dpop),
            ..request
        });
        assert_eq!(answer.status(), status, "{}", answer.reason());
        assert_eq!(
            Signed::proof(TOKEN, &answer.nonce()).text(),
            good,
            "{status}"
        );
    }
    fixture.store.fail_acts(Some(StoreError::Timeout));
    let failed = fixture.prove(&proof.claim("jti", "p2").text());
    assert_eq!(failed.error(), (503, "temporarily_unavailable".into()));
    assert!(!failed.nonce().is_empty());
    // Documents take no proofs.
    let document = fixture.send(&Request {
        method: "GET",
        path: "/realms/default/jwks",
        dpop: Some(&good),
        ..Request::default()
    });
    assert_eq!(
        (document.status(), document.header("dpop-nonce")),
        (200, None)
    );
}

#[test]
fn proofs_may_differ_in_what_says_nothing() {
    let fixture = Fixture::new();
    let good = fixture.proof();
    let mut described = public_jwk(CLIENT_KEY);
    described["key_ops"] = json!(["verify"]);
    let mut plain = public_jwk(CLIENT_KEY);
    for member in ["kid", "alg", "use"] {
        plain.as_object_mut().unwrap().remove(member);
    }
    for (at, (name, proof)) in [
        ("typ in upper case", good.clone().header("typ", "DPOP+JWT")),
        ("a key with more members", good.clone().with_jwk(described)),
        (
            "a key with no more than it needs",
            good.clone().with_jwk(plain),
        ),
        ("a client's clock in 1970", good.clone().claim("iat", 0)),
        (
            "a client's clock 30 s ahead",
            good.clone().claim("iat", NOW + 30),
        ),
        (
            "iat with a fraction",
            good.clone().claim("iat", NOW as f64 + 0.5),
        ),
        (
            "htu with a query",
            good.clone().claim("htu", format!("{TOKEN}?a=b#c")),
        ),
        (
            "htu with its port",
            good.clone()
                .claim("htu", TOKEN.replace("example", "example:443")),
        ),
        (
            "ath without an access token",
            good.clone().claim("ath", "x"),
        ),
        (
            "claims of its own",
            good.clone().claim("exp", 1).claim("nbf", NOW + 30),
        ),
    ]
    .into_iter()
    .enumerate()
    {
        // The longest that a jti may be.
        let answer = fixture.prove(&proof.claim("jti", format!("{at:j>1024}")).text());
        assert_eq!(answer.status(), 200, "{name}: {}", answer.reason());
        assert_eq!(
            answer.claims()["cnf"]["jkt"],
            json!(kid(CLIENT_KEY)),
            "{name}"
        );
    }
}

#[test]
fn a_proof_is_good_once_and_its_jti_is_its_keys() {
    let mut fixture = Fixture::new();
    let good = fixture.proof();
    let other_key = good.clone().with_jwk(public_jwk(22)).signed_by(22);
    assert_eq!(fixture.prove(&good.text()).status(), 200);
    assert_eq!(fixture.prove(&other_key.text()).status(), 200);
    for again in [good.clone(), good.clone().claim("iat", NOW + 1)] {
        let answer = fixture.prove(&again.text());
        assert_eq!(answer.error(), (400, "invalid_dpop_proof".into()));
        assert_eq!(answer.reason(), "DPoP proof: its `jti` was used before");
    }
    // Its nonce was good until NOW + 300, and it is remembered for a minute more.
    for (seconds, status) in [(359, 400), (360, 200)] {
        let nonce = fixture.nonce_at(NOW + seconds);
        fixture.now = UnixTime::from_seconds(NOW + seconds);
        let again = fixture.prove(&good.clone().claim("nonce", nonce).text());
        assert_eq!(
            again.status(),
            status,
            "{seconds} s later: {}",
            again.reason()
        );
    }
}

#[test]
fn a_nonce_is_good_for_300_seconds_by_clocks_30_seconds_apart() {
    let mut fixture = Fixture::new();
    for (at, (moment, status)) in [
        (NOW - 300, 400),
        (NOW - 299, 200),
        (NOW + 30, 200),
        (NOW + 31, 400),
    ]
    .into_iter()
    .enumerate()
    {
        let proof = Signed::proof(TOKEN, &fixture.nonce_at(moment));
        let answer = fixture.prove(&proof.claim("jti", format!("p{at}")).text());
        assert_eq!(answer.status(), status, "{moment}");
    }
}

#[test]
fn a_nonce_outlives_the_rotation_of_the_key_that_it_was_made_with() {
    let (old, new) = (
        key(1, NOW - 1000, NOW + 1_000_000),
        key(2, NOW + 10, NOW + 1_000_000),
    );
    let secrets = HashMap::from([("SIGNING_KEYS", jwk_set(&[&old, &new]))]);
    let mut fixture = Fixture::configured(json!({ "default": { "issuer": ISSUER } }), &secrets);
    fixture.register("app", |_| ());
    let nonce = fixture.prove("x").nonce();
    fixture.now = UnixTime::from_seconds(NOW + 10);
    let answer = fixture.prove(&Signed::proof(TOKEN, &nonce).text());
    assert_eq!(answer.status(), 200, "{}", answer.reason());
    assert_eq!(answer.log()["kid"], json!(new.kid()));
    // Once the old key is gone, so are its nonces.
    let secrets = HashMap::from([("SIGNING_KEYS", jwk_set(&[&new]))]);
    let realms = json!({ "default": { "issuer": ISSUER } });
    fixture.service = Fixture::configured(realms, &secrets).service;
    let answer = fixture.prove(&Signed::proof(TOKEN, &nonce).claim("jti", "p2").text());
    assert_eq!(answer.error(), (400, "use_dpop_nonce".into()));
}

#[test]
fn a_client_of_bound_tokens_alone_gets_no_others() {
    let fixture = Fixture::new();
    fixture.register("app", |client| client.dpop_bound_access_tokens = true);
    let without = fixture.token("");
    assert_eq!(without.error(), (400, "invalid_dpop_proof".into()));
    assert_eq!(without.reason(), "DPoP proof: no DPoP proof");
    let answer = fixture.prove(&Signed::proof(TOKEN, &without.nonce()).text());
    assert_eq!(answer.json()["token_type"], "DPoP");
}

#[test]
fn a_proof_may_name_a_host_that_the_realm_lists_and_no_other() {
    let listed = json!({ "issuer": ISSUER, "hosts": ["auth.example", "id.example"] });
    let unlisted = json!({ "issuer": ISSUER });
    for (realm, host, status) in [
        (&listed, "id.example", 200),
        (&listed, "id.example:443", 200),
        (&listed, "auth.example", 200),
        (&unlisted, "auth.example", 200),
        (&unlisted, "id.example", 400),
    ] {
        let fixture = Fixture::configured(json!({ "default": realm }), &secrets());
        fixture.register("app", |_| ());
        let url = format!("https://{host}/realms/default/token");
        let proof = Signed::proof(&url, &fixture.prove("x").nonce()).text();
        let app = basic("app", SECRET);
        let request = Request {
            authorization: Some(&app),
            dpop: Some(&proof),
            ..post("/realms/default/token", GRANT)
        };
        let answer = fixture.send_with(host, &request, &|_| Ok(()));
        assert_eq!(answer.status(), status, "{host}: {}", answer.reason());
    }
}

/// The client is told of the nonce before anything else is used up, and of its secret before that.
#[test]
fn what_is_refused_uses_nothing_up() {
    let fixture = Fixture::new();
    fixture.register("app", |client| by_assertion(client, jwks(&[CLIENT_KEY])));
    let proof = fixture.proof();
    let form = format!("{GRANT}{}", presented(&Signed::assertion("app").text()));
    let send = |proof: &Signed, form| {
        fixture.send(&Request {
            dpop: Some(&proof.text()),
            ..post("/realms/default/token", form)
        })
    };
    let without_nonce = send(&proof.clone().without("nonce"), &form);
    assert_eq!(without_nonce.error(), (400, "use_dpop_nonce".into()));
    assert_eq!(send(&proof, GRANT).error(), (401, "invalid_client".into()));
    assert_eq!(fixture.store.acts(), 0);
    assert_eq!(send(&proof, &form).status(), 200);
    assert_eq!(fixture.store.acts(), 2);
}

/// The proof of RFC 9449 §4.1, and the thumbprint of its key in §6.1.
#[test]
fn rfc9449_4_1_is_a_proof_of_its_key() {
    let mut token = edge_token::jose::UntrustedToken::parse(RFC9449_PROOF).unwrap();
    assert_eq!(token.token_type.as_deref(), Some("dpop+jwt"));
    let jwk = token.jwk.take().unwrap();
    let key = edge_token::jose::PublicKey::parse(jwk).unwrap();
    assert_eq!(
        key.thumbprint.as_str(),
        "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"
    );
    assert!(token.is_signed_by(Some(&key)));
    // To its own endpoint it says all but our nonce.
    let realm = json!({ "issuer": "https://server.example.com" });
    let fixture = Fixture::configured(json!({ "default": realm }), &secrets());
    fixture.register("app", |_| ());
    let answer = fixture.send(&Request {
        dpop: Some(RFC9449_PROOF),
        ..post("/token", GRANT)
    });
    assert_eq!(
        answer.error(),
        (400, "use_dpop_nonce".into()),
        "{}",
        answer.reason()
    );
}

const RFC9449_PROOF: &str = "eyJ0eXAiOiJkcG9wK2p3dCIsImFsZyI6IkVTMjU2IiwiandrIjp7Imt0eSI6IkVDIi\
    wieCI6Imw4dEZyaHgtMzR0VjNoUklDUkRZOXpDa0RscEJoRjQyVVFVZldWQVdCRnMiL\
    CJ5IjoiOVZFNGpmX09rX282NHpiVFRsY3VOSmFqSG10NnY5VERWclUwQ2R2R1JEQSIs\
    ImNydiI6IlAtMjU2In19.eyJqdGkiOiItQndDM0VTYzZhY2MybFRjIiwiaHRtIjoiUE\
    9TVCIsImh0dSI6Imh0dHBzOi8vc2VydmVyLmV4YW1wbGUuY29tL3Rva2VuIiwiaWF0I\
    joxNTYyMjYyNjE2fQ.2-GxA6T8lP4vfrg8v-FdWP0A0zdrj8igiMLvqRMUvwnQg4PtF\
    LbdLXiOSsX0x7NVY-FNyJK70nfbV37xRZT3Lg";
