//! What the modules of suites that certify servers try, in their order: RP-initiated logout, the code
//! flow with `form_post`, and the FAPI 2.0 Security Profile.

use super::*;

const BYE: &str = "https://app.example/bye";

/// A realm with a login application that ends its own sign-in, and what `app` got there.
fn signed_in() -> (People, Answer) {
    let people = People::with(json!({ "logout_url": "https://login.example/bye" }));
    let code = people.code("app", "&scope=openid&nonce=n1", json!({}));
    let tokens = people.redeem(&code, "");
    assert_eq!(claims_of(&tokens.text("id_token"))["nonce"], "n1");
    (people, tokens)
}

/// What becomes of a sign-out request: where the browser is sent, or `error` for a page that refuses.
fn end(people: &People, parameters: &[(&str, &str)]) -> String {
    let query = form_urlencoded::Serializer::new(String::new())
        .extend_pairs(parameters)
        .finish();
    let answer = people.send(&Request {
        method: "GET",
        path: "/logout",
        query: &query,
        ..Request::default()
    });
    match answer.header("location") {
        None => {
            assert_eq!(answer.status(), 400);
            "error".to_owned()
        }
        Some("https://login.example/bye") => "asks".to_owned(),
        Some(_) => {
            let ticket = answer.location("ticket").expect("a ticket");
            let told = people.send(&Request {
                authorization: Some(&basic("login", SECRET)),
                content_type: Some("application/json"),
                ..post("/logout/ticket", &json!({ "ticket": ticket }).to_string())
            });
            assert_eq!(told.json()["sub"], "1302");
            told.text("redirect_to")
        }
    }
}

#[test]
fn rp_initiated_logout() {
    for (module, with_hint, more, expected) in [
        (
            "rp-initiated-logout",
            true,
            &[("post_logout_redirect_uri", BYE), ("state", "s1")][..],
            "https://app.example/bye?state=s1",
        ),
        ("no-state", true, &[("post_logout_redirect_uri", BYE)], BYE),
        (
            "no-post-logout-redirect-uri",
            true,
            &[("state", "s1")],
            "https://auth.example/realms/default/logout/done",
        ),
        ("no-params", false, &[], "asks"),
        ("only-state", false, &[("state", "s1")], "asks"),
        (
            "no-id-token-hint",
            false,
            &[("post_logout_redirect_uri", BYE), ("state", "s1")],
            "asks",
        ),
        (
            "bad-post-logout-redirect-uri",
            true,
            &[("post_logout_redirect_uri", "https://app.example/bye/x")],
            "error",
        ),
        (
            "query-added-to-post-logout-redirect-uri",
            true,
            &[(
                "post_logout_redirect_uri",
                "https://app.example/bye?foo=bar",
            )],
            "error",
        ),
    ] {
        let (people, tokens) = signed_in();
        let hint = tokens.text("id_token");
        let mut parameters = more.to_vec();
        if with_hint {
            parameters.push(("id_token_hint", &hint));
        }
        assert_eq!(end(&people, &parameters), expected, "{module}");
        let is_out = people.userinfo(&tokens.text("access_token")).status() == 401;
        assert_eq!(is_out, expected.starts_with("https"), "{module}");
    }
    let (people, tokens) = signed_in();
    let hint = tokens.text("id_token");
    let (head, _) = hint.rsplit_once('.').unwrap();
    let modified = format!("{head}.{}", "A".repeat(86));
    for (module, hint) in [
        ("modified-id-token-hint", &*modified),
        ("bad-id-token-hint", "x.y.z"),
    ] {
        let parameters = [("id_token_hint", hint), ("post_logout_redirect_uri", BYE)];
        assert_eq!(end(&people, &parameters), "error", "{module}");
    }
    // What signed the person in then says that nobody is: `prompt=none` is `login_required`.
    let asked = people.ask("app", "&prompt=none");
    let told = people.login("/authorize/ticket", &json!({ "ticket": asked.ticket }));
    assert_eq!(told.json()["prompt"], "none");
    let body = json!({ "ticket": asked.ticket, "error": "login_required" });
    assert_eq!(people.login("/authorize/reject", &body).status(), 200);
    let resumed = people.resume(&asked);
    assert_eq!(resumed.location("error").as_deref(), Some("login_required"));
}

#[test]
fn the_code_flow_by_form_post() {
    let people = People::new();
    // oidcc-server, with client_secret_basic: code, tokens, userinfo.
    let asked = people.ask("app", "&scope=openid&nonce=n1&response_mode=form_post");
    assert_eq!(people.accept(&asked, json!({})).status(), 200);
    let answer = people.resume(&asked);
    let value = |answer: &Answer, name: &str| {
        let start = format!("name=\"{name}\" value=\"");
        let (_, rest) = answer.response.body.split_once(&start)?;
        Some(rest.split_once('"')?.0.replace("&amp;", "&"))
    };
    let tokens = people.redeem(&value(&answer, "code").unwrap(), "");
    assert_eq!(claims_of(&tokens.text("id_token"))["nonce"], "n1");
    let told = people.userinfo(&tokens.text("access_token"));
    assert_eq!(
        told.json()["sub"],
        claims_of(&tokens.text("id_token"))["sub"]
    );
    // oidcc-codereuse.
    let again = people.redeem(&value(&answer, "code").unwrap(), "");
    assert_eq!(again.error(), invalid_grant());
    // oidcc-prompt-none-not-logged-in.
    let asked = people.ask("app", "&scope=openid&prompt=none&response_mode=form_post");
    let body = json!({ "ticket": asked.ticket, "error": "login_required" });
    assert_eq!(people.login("/authorize/reject", &body).status(), 200);
    let refused = people.resume(&asked);
    assert_eq!(value(&refused, "error").as_deref(), Some("login_required"));
    assert_eq!(value(&refused, "state").as_deref(), Some("s&t"));
    assert_eq!(value(&refused, "code"), None);
    // oidcc-response-type-missing, oidcc-unsigned-request-object.
    let uri = encoded(CALLBACK);
    for (more, error) in [
        ("", "invalid_request"),
        (
            "&response_type=code&request=e30.e30.",
            "request_not_supported",
        ),
    ] {
        let query = format!(
            "client_id=app&scope=openid&redirect_uri={uri}&response_mode=form_post&state=s1{more}"
        );
        let refused = people.authorize(&query);
        assert_eq!(value(&refused, "error").as_deref(), Some(error));
        assert_eq!(value(&refused, "state").as_deref(), Some("s1"));
    }
    // oidcc-ensure-registered-redirect-uri, oidcc-redirect-uri-query-mismatch: a page.
    for other in ["https://app.example/other", "https://app.example/cb?x=2"] {
        let query = format!(
            "response_type=code&client_id=app&scope=openid&response_mode=form_post&redirect_uri={}",
            encoded(other)
        );
        assert_eq!(people.authorize(&query).status(), 400);
    }
}

/// A client of the profile: what it sends is signed, and its tokens are bound.
struct Certified {
    people: People,
}

impl Certified {
    fn new() -> Self {
        let people = fapi2(json!({}));
        for id in ["app", "other"] {
            people.register(id, |client| by_assertion(client, jwks(&[CLIENT_KEY])));
        }
        Self { people }
    }

    fn assertion(&self, id: &str) -> Signed {
        self.people.draws.set(self.people.draws.get() + 1);
        Signed::assertion(id).claim("jti", format!("a{}", self.people.draws.get()))
    }

    fn send(&self, path: &str, form: &str, assertion: &Signed, proof: Option<u8>) -> Answer {
        let nonce = self.people.send(&Request {
            dpop: Some("x"),
            ..post("/token", "")
        });
        let nonce = nonce.header("dpop-nonce").unwrap().to_owned();
        let proof = proof.map(|octet| {
            Signed::proof(&format!("{ISSUER}{path}"), &nonce)
                .claim("jti", format!("p{}", self.people.draws.get()))
                .with_jwk(public_jwk(octet))
                .signed_by(octet)
                .text()
        });
        self.people.send(&Request {
            dpop: proof.as_deref(),
            ..post(path, &format!("{form}{}", presented(&assertion.text())))
        })
    }

    fn push(&self, more: &str) -> Answer {
        let form = format!(
            "response_type=code&redirect_uri={}&state=s1&scope=openid+offline_access{more}",
            encoded(CALLBACK)
        );
        self.send("/par", &form, &self.assertion("app"), None)
    }

    fn code(&self, more: &str) -> String {
        let asked = Asked::read(&self.people.visit("app", &self.push(more), None));
        assert_eq!(self.people.accept(&asked, json!({})).status(), 200);
        let resumed = self.people.resume(&asked);
        assert_eq!(resumed.location("state").as_deref(), Some("s1"));
        assert_eq!(resumed.location("iss").as_deref(), Some(ISSUER));
        resumed.location("code").unwrap()
    }

    fn redeem(&self, id: &str, code: &str, more: &str, proof: Option<u8>) -> Answer {
        let form = format!(
            "grant_type=authorization_code&code={code}&redirect_uri={}{more}",
            encoded(CALLBACK)
        );
        self.send("/token", &form, &self.assertion(id), proof)
    }
}

#[test]
fn fapi2_pushed_authorization_requests() {
    let certified = Certified::new();
    let people = &certified.people;
    let verifier = format!("&code_verifier={VERIFIER}");
    // happy-flow.
    let tokens = certified.redeem("app", &certified.code(PKCE), &verifier, Some(CLIENT_KEY));
    assert_eq!(tokens.text("token_type"), "DPoP", "{}", tokens.reason());
    // par-attempt-reuse-request-uri: after a sign-in it is a page.
    let pushed = certified.push(PKCE);
    let asked = Asked::read(&people.visit("app", &pushed, None));
    assert_eq!(people.accept(&asked, json!({})).status(), 200);
    assert!(people.resume(&asked).location("code").is_some());
    assert_eq!(people.visit("app", &pushed, None).status(), 400);
    // par-attempt-to-use-request-uri-for-different-client.
    let pushed = certified.push(PKCE);
    assert_eq!(people.visit("other", &pushed, None).status(), 400);
    // state-only-outside-request-object-not-used: what stands beside the URI counts for nothing.
    let uri = encoded(&pushed.text("request_uri"));
    let query = format!("client_id=app&request_uri={uri}&state=s2&nonce=n2&scope=email");
    let asked = Asked::read(&people.authorize(&query));
    assert_eq!(people.accept(&asked, json!({})).status(), 200);
    assert_eq!(
        people.resume(&asked).location("state").as_deref(),
        Some("s1")
    );
    // par-plain-pkce-rejected, par-without-pkce, par-pushed-authorization-url-as-request-uri,
    // par-request-uri-in-form, par-invalid-redirect-uri.
    let plain = format!("&code_challenge={VERIFIER}&code_challenge_method=plain");
    for more in [
        &*plain,
        "",
        &format!("{PKCE}&request_uri={uri}"),
        &format!("{PKCE}&response_mode=fragment"),
        &format!("{PKCE}&request=e30.e30."),
    ] {
        let refused = certified.push(more);
        assert_eq!(refused.status(), 400, "{more}");
        assert!(refused.json().get("request_uri").is_none());
    }
    for uri in ["https://evil.example/", "https://app.example/cb"] {
        let form = format!(
            "response_type=code&scope=openid&redirect_uri={}{PKCE}",
            encoded(uri)
        );
        let refused = certified.send("/par", &form, &certified.assertion("app"), None);
        assert_eq!(refused.error(), invalid_request());
    }
    // par-incorrect-http-method, par-endpoint-without-client-authentication.
    let get = people.send(&Request {
        method: "GET",
        path: "/par",
        ..Request::default()
    });
    assert_eq!(get.status(), 405);
    let form = format!("client_id=app&response_type=code&redirect_uri={uri}{PKCE}");
    let refused = people.send(&post("/par", &form));
    assert_eq!(refused.error(), (401, "invalid_client".into()));
    // ensure-authorization-request-without-par-fails, ensure-unsigned-request-at-authorization-endpoint-fails.
    for more in ["", "&request=e30.e30."] {
        let query = format!(
            "response_type=code&client_id=app&scope=openid&state=s1&redirect_uri={}{PKCE}{more}",
            encoded(CALLBACK)
        );
        let refused = people.authorize(&query);
        assert_eq!(
            refused.location("error").as_deref(),
            Some("invalid_request")
        );
        assert_eq!(refused.location("code"), None);
    }
}

#[test]
fn fapi2_client_authentication() {
    let certified = Certified::new();
    let form = format!(
        "response_type=code&scope=openid&redirect_uri={}{PKCE}",
        encoded(CALLBACK)
    );
    // par-test-array-as-audience, -token-endpoint-as-audience, -par-endpoint-as-audience,
    // client-assertion expired, without sub, for another, signed by another.
    let good = certified.assertion("app");
    for (why, assertion) in [
        ("a list", good.clone().claim("aud", json!([ISSUER, "x"]))),
        (
            "the token endpoint",
            good.clone().claim("aud", format!("{ISSUER}/token")),
        ),
        (
            "the endpoint itself",
            good.clone().claim("aud", format!("{ISSUER}/par")),
        ),
        ("expired", good.clone().claim("exp", NOW - 60)),
        ("no sub", good.clone().without("sub")),
        ("no jti", good.clone().without("jti")),
        ("another's name", good.clone().claim("iss", "other")),
        ("another's key", good.clone().signed_by(22)),
    ] {
        let refused = certified.send("/par", &form, &assertion, None);
        assert_eq!(refused.error(), (401, "invalid_client".into()), "{why}");
    }
    let pushed = certified.send("/par", &form, &good, None);
    assert_eq!(pushed.status(), 201, "{}", pushed.reason());
    // The same assertion twice.
    let again = certified.send("/par", &form, &good, None);
    assert_eq!(again.error(), (401, "invalid_client".into()));
}

#[test]
fn fapi2_codes_and_tokens() {
    let certified = Certified::new();
    let people = &certified.people;
    let verifier = format!("&code_verifier={VERIFIER}");
    let bound = format!("{PKCE}&dpop_jkt={}", kid(CLIENT_KEY));
    // incorrect-code-verifier-rejected, ensure-authorization-code-is-bound-to-client, ensure-dpop-auth-code-binding,
    // token-endpoint without a proof, with the code of another redirect URI: refused, and nothing is used up.
    let code = certified.code(&bound);
    let wrong = format!("&code_verifier={}", "A".repeat(43));
    for (why, id, more, proof, error) in [
        (
            "verifier",
            "app",
            &*wrong,
            Some(CLIENT_KEY),
            "invalid_grant",
        ),
        ("no verifier", "app", "", Some(CLIENT_KEY), "invalid_grant"),
        (
            "client",
            "other",
            &verifier,
            Some(CLIENT_KEY),
            "invalid_grant",
        ),
        ("key", "app", &verifier, Some(22), "invalid_grant"),
        ("no proof", "app", &verifier, None, "invalid_dpop_proof"),
    ] {
        let refused = certified.redeem(id, &code, more, proof);
        assert_eq!(refused.error(), (400, error.into()), "{why}");
    }
    let tokens = certified.redeem("app", &code, &verifier, Some(CLIENT_KEY));
    assert_eq!(tokens.claims()["cnf"], json!({ "jkt": kid(CLIENT_KEY) }));
    // access-token-in-query, and as a bearer token.
    let token = tokens.text("access_token");
    let in_query = people.send(&Request {
        method: "GET",
        path: "/userinfo",
        query: &format!("access_token={token}"),
        ..Request::default()
    });
    assert_eq!(in_query.status(), 401);
    assert_eq!(
        people.userinfo(&token).error(),
        (401, "invalid_token".into())
    );
    // refresh-token: for its client, with a proof; a retry after 30 s gives the same one.
    let refresh = |id: &str, proof| {
        let form = format!(
            "grant_type=refresh_token&refresh_token={}",
            tokens.text("refresh_token")
        );
        certified.send("/token", &form, &certified.assertion(id), proof)
    };
    assert_eq!(refresh("other", Some(CLIENT_KEY)).error(), invalid_grant());
    assert_eq!(
        refresh("app", None).error(),
        (400, "invalid_dpop_proof".into())
    );
    let first = refresh("app", Some(CLIENT_KEY)).text("refresh_token");
    let mut certified = certified;
    certified.people.later(30);
    let form = format!(
        "grant_type=refresh_token&refresh_token={}",
        tokens.text("refresh_token")
    );
    let assertion = certified.assertion("app").claim("exp", NOW + 90);
    let again = certified.send("/token", &form, &assertion, Some(CLIENT_KEY));
    assert_eq!(again.text("refresh_token"), first, "{}", again.reason());
    // attempt-reuse-authorization-code-after-one-second: refused, and all that came of it has ended.
    let assertion = certified.assertion("app").claim("exp", NOW + 90);
    let form = format!(
        "grant_type=authorization_code&code={code}&redirect_uri={}{verifier}",
        encoded(CALLBACK)
    );
    let reused = certified.send("/token", &form, &assertion, Some(CLIENT_KEY));
    assert_eq!(reused.error(), invalid_grant());
    // The metadata that the suite reads first.
    let metadata = certified.people.send(&Request {
        method: "GET",
        path: "/.well-known/openid-configuration",
        ..Request::default()
    });
    let metadata = metadata.json();
    for (member, value) in [
        ("require_pushed_authorization_requests", json!(true)),
        (
            "authorization_response_iss_parameter_supported",
            json!(true),
        ),
        ("response_types_supported", json!(["code"])),
        ("code_challenge_methods_supported", json!(["S256"])),
        ("dpop_signing_alg_values_supported", json!(["ES256"])),
        ("id_token_signing_alg_values_supported", json!(["ES256"])),
    ] {
        assert_eq!(metadata[member], value, "{member}");
    }
}
