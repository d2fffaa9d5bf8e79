//! RFC 6749 §4.1.1 and §4.1.2, RFC 7636 §4.3, RFC 9126, RFC 9207: what the authorization endpoint takes
//! and where it sends browsers.

use super::*;

#[test]
fn a_person_signs_in_and_the_client_gets_tokens() {
    let people = People::new();
    let asked = people.ask(
        "app",
        "&scope=openid+email&nonce=n1&login_hint=ada&prompt=login&acr_values=2",
    );
    let answer = people.login("/authorize/ticket", &json!({ "ticket": asked.ticket }));
    assert_eq!(
        answer.json(),
        json!({
            "client_id": "app", "client_name": "The app", "scope": "openid email",
            "prompt": "login", "acr_values": "2", "login_hint": "ada",
        })
    );
    let accepted = people.accept(
        &asked,
        json!({
            "claims": { "email": "ada@example.com", "email_verified": true, "name": "Ada" },
            "auth_time": NOW - 5, "acr": "2",
        }),
    );
    let redirect_to = accepted.text("redirect_to");
    assert!(redirect_to.starts_with(&format!("{ISSUER}/authorize/resume?decision=")));
    assert!(!redirect_to.contains(&asked.ticket));

    let resumed = people.resume(&asked);
    assert_eq!(resumed.status(), 303);
    assert!(
        resumed
            .header("location")
            .unwrap()
            .starts_with("https://app.example/cb?x=1&code=")
    );
    assert_eq!(resumed.location("state").unwrap(), "s&t");
    assert_eq!(resumed.location("iss").unwrap(), ISSUER);

    let answer = people.redeem(&resumed.location("code").unwrap(), "");
    let body = answer.json();
    assert_eq!(
        (&body["token_type"], &body["expires_in"], &body["scope"]),
        (&json!("Bearer"), &json!(300), &json!("openid email"))
    );
    let access = answer.claims();
    assert_eq!(access["sub"], "1302");
    assert_eq!(access["client_id"], "app");
    assert_eq!(access["auth_time"], NOW - 5);
    assert_eq!(access["acr"], "2");
    assert_eq!(access.get("email"), None);

    let id_token = claims_of(&answer.text("id_token"));
    let hash = sha2::Digest::finalize(sha2::Digest::chain_update(
        <sha2::Sha256 as sha2::Digest>::new(),
        answer.text("access_token"),
    ));
    let half = base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(&hash[..16]);
    assert_eq!(
        id_token,
        json!({
            "iss": ISSUER, "sub": "1302", "aud": "app", "azp": "app", "nonce": "n1",
            "iat": NOW, "exp": NOW + 300, "auth_time": NOW - 5, "acr": "2", "at_hash": half,
            "sid": access["sid"], "email": "ada@example.com", "email_verified": true,
        })
    );
    assert_eq!(
        people.userinfo(&answer.text("access_token")).json(),
        json!({ "sub": "1302", "email": "ada@example.com", "email_verified": true })
    );
}

#[test]
fn what_may_not_be_redirected_shows_a_page() {
    let people = People::new();
    people.register("disabled", |client| client.disabled = true);
    people.register("two", |client| {
        client.redirect_uris.push("https://app.example/2".into())
    });
    people.register("none", |client| client.redirect_uris.clear());
    let uri = encoded(CALLBACK);
    for query in [
        String::new(),
        "response_type=code".into(),
        format!("response_type=code&client_id=nobody&redirect_uri={uri}"),
        format!("response_type=code&client_id=disabled&redirect_uri={uri}"),
        "response_type=code&client_id=two".into(),
        "response_type=code&client_id=none".into(),
        format!("response_type=code&client_id=none&redirect_uri={uri}"),
        format!("response_type=code&client_id=app&redirect_uri={uri}%26"),
        format!("response_type=code&client_id=app&redirect_uri={uri}&redirect_uri={uri}"),
        "response_type=code&client_id=app&redirect_uri=https%3A%2F%2Fapp.example%2Fcb".into(),
        "response_type=code&client_id=app&redirect_uri=https%3A%2F%2Fevil.example%2F".into(),
        "response_type=code&client_id=app&state=%zz".into(),
        "client_id=app&request_uri=urn:ietf:params:oauth:request_uri:x".into(),
    ] {
        let answer = people.authorize(&query);
        assert_eq!(answer.status(), 400, "{query}");
        assert_eq!(
            answer.header("content-type"),
            Some("text/html; charset=utf-8")
        );
        assert_eq!(answer.header("location"), None);
        assert!(
            answer
                .header("content-security-policy")
                .unwrap()
                .contains("default-src 'none'")
        );
        assert!(
            !answer.response.body.contains("evil"),
            "{}",
            answer.response.body
        );
        assert_eq!(answer.log()["outcome"], "rejected");
    }
    assert_eq!(people.fixture.store.families(), 0);
    let answer = people.send(&Request {
        method: "PUT",
        path: "/authorize",
        ..Request::default()
    });
    assert_eq!(
        (answer.status(), answer.header("allow")),
        (405, Some("GET, POST"))
    );
}

#[test]
fn what_may_be_redirected_tells_the_client() {
    let people = People::new();
    people.register("no-code", |client| client.grant_types.remove(0).clear());
    for (client, query, error) in [
        ("app", "", "invalid_request"),
        ("app", "response_type=token", "unsupported_response_type"),
        (
            "app",
            "response_type=code+id_token",
            "unsupported_response_type",
        ),
        (
            "app",
            "response_type=code&response_mode=fragment",
            "invalid_request",
        ),
        ("app", "response_type=code&scope=write", "invalid_scope"),
        (
            "app",
            "response_type=code&scope=openid++email",
            "invalid_scope",
        ),
        ("app", "response_type=code&resource=urn:x", "invalid_target"),
        (
            "app",
            "response_type=code&request=e30",
            "request_not_supported",
        ),
        (
            "app",
            "response_type=code&request_uri=https://x.example",
            "request_uri_not_supported",
        ),
        (
            "app",
            "response_type=code&prompt=none+login",
            "invalid_request",
        ),
        ("app", "response_type=code&max_age=x", "invalid_request"),
        ("app", "response_type=code&max_age=-1", "invalid_request"),
        (
            "app",
            "response_type=code&code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM",
            "invalid_request",
        ),
        (
            "app",
            "response_type=code&code_challenge_method=S256",
            "invalid_request",
        ),
        (
            "app",
            "response_type=code&code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM&code_challenge_method=plain",
            "invalid_request",
        ),
        (
            "app",
            "response_type=code&code_challenge=E9Mel&code_challenge_method=S256",
            "invalid_request",
        ),
        (
            "app",
            "response_type=code&code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw+cM&code_challenge_method=S256",
            "invalid_request",
        ),
        ("spa", "response_type=code", "invalid_request"),
        ("no-code", "response_type=code", "unauthorized_client"),
    ] {
        let uri = encoded(CALLBACK);
        let answer = people.authorize(&format!(
            "client_id={client}&redirect_uri={uri}&state=s1&{query}"
        ));
        assert_eq!(answer.status(), 303, "{query}");
        assert!(
            answer
                .header("location")
                .unwrap()
                .starts_with("https://app.example/cb?x=1&error=")
        );
        assert_eq!(answer.location("error").as_deref(), Some(error), "{query}");
        assert_eq!(answer.location("state").as_deref(), Some("s1"));
        assert_eq!(answer.location("iss").as_deref(), Some(ISSUER));
        assert_eq!(answer.header("set-cookie"), None);
        let log = answer.log();
        assert_eq!(log["outcome"], "refused");
        assert!(!log["reason"].as_str().unwrap().is_empty());
    }
    assert_eq!(people.fixture.store.families(), 0);
}

#[test]
fn a_posted_request_is_as_good_as_a_got_one() {
    let people = People::new();
    let body = "response_type=code&client_id=app&scope=read";
    let asked = Asked::read(&people.send(&post("/authorize", body)));
    people.accept(&asked, json!({}));
    let code = people.resume(&asked).location("code").unwrap();
    // A redirect URI that was not named need not be named again, but may not be another one.
    let form = format!("grant_type=authorization_code&code={code}");
    let other = people.token(
        "app",
        &format!("{form}&redirect_uri=https%3A%2F%2Fapp.example"),
    );
    assert_eq!(other.error(), invalid_grant());
    assert_eq!(people.token("app", &form).status(), 200);
}

#[test]
fn pushed_requests_are_good_once_for_their_client() {
    let mut people = People::new();
    people.register("other", |_| ());
    let uri = encoded(CALLBACK);
    let push_to = |people: &People, uri: &str, more: &str| {
        let form = format!(
            "response_type=code&client_id=app&scope=openid&state=s1&redirect_uri={uri}{more}"
        );
        people.send(&Request {
            authorization: Some(&basic("app", SECRET)),
            ..post("/par", &form)
        })
    };
    let push = |people: &People, more: &str| push_to(people, &uri, more);
    let pushed = push(&people, PKCE);
    assert_eq!(pushed.status(), 201);
    assert_eq!(pushed.json()["expires_in"], 90);
    assert_eq!(pushed.header("cache-control"), Some("no-store"));
    let uri = pushed.text("request_uri");
    assert!(uri.starts_with("urn:ietf:params:oauth:request_uri:"));
    for query in ["client_id=other", "client_id=nobody", ""] {
        let answer = people.authorize(&format!("{query}&request_uri={uri}"));
        assert_eq!(answer.status(), 400, "{query}");
    }
    // What stands beside it is ignored (RFC 9126 §4).
    let query = format!("client_id=app&request_uri={uri}&scope=email&state=other");
    let asked = Asked::read(&people.authorize(&query));
    people.accept(&asked, json!({}));
    assert_eq!(people.authorize(&query).status(), 400, "used");
    let resumed = people.resume(&asked);
    assert_eq!(resumed.location("state").as_deref(), Some("s1"));
    let code = resumed.location("code").unwrap();
    let form = format!("&code_verifier={VERIFIER}");
    assert_eq!(people.redeem(&code, &form).text("scope"), "openid");

    for (uri, more) in [
        (&*uri, "&request_uri=urn:x"),
        ("https%3A%2F%2Fevil.example", ""),
        (&uri, "&max_age=x"),
    ] {
        assert_eq!(
            push_to(&people, uri, more).error(),
            (400, "invalid_request".into()),
            "{uri} {more}"
        );
    }
    let unauthenticated = people.send(&post("/par", "response_type=code&client_id=app"));
    assert_eq!(unauthenticated.error(), (401, "invalid_client".into()));
    let late = push(&people, "").text("request_uri");
    people.later(90);
    let answer = people.authorize(&format!("client_id=app&request_uri={late}"));
    assert_eq!(answer.status(), 400);
}

#[test]
fn a_realm_without_login_url_has_no_people() {
    let fixture = Fixture::new();
    for path in [
        "authorize",
        "authorize/ticket",
        "authorize/resume",
        "par",
        "userinfo",
        "logout",
    ] {
        assert_eq!(
            fixture.get(&format!("/realms/default/{path}")).status(),
            404,
            "{path}"
        );
    }
    for (realm, reason) in [
        (
            json!({ "login_url": "http://login.example", "login_clients": ["l"] }),
            "login_url",
        ),
        (
            json!({ "login_url": "login.example", "login_clients": ["l"] }),
            "login_url",
        ),
        (
            json!({ "login_url": "com.example:/login", "login_clients": ["l"] }),
            "login_url",
        ),
        (
            json!({ "login_url": "https://login.example" }),
            "login_clients",
        ),
        (
            json!({ "login_url": "https://login.example", "login_clients": [""] }),
            "login_clients",
        ),
        (json!({ "refresh_token_ttl": 0 }), "refresh_token_ttl"),
        (json!({ "refresh_token_grace": 301 }), "refresh_token_grace"),
    ] {
        let mut realm = realm;
        realm["issuer"] = json!(ISSUER);
        let fixture = Fixture::configured(json!({ "default": realm }), &secrets());
        let answer = fixture.token("");
        assert_eq!(answer.status(), 503, "{reason}");
        assert!(answer.reason().contains(reason), "{}", answer.reason());
    }
}

#[test]
fn the_metadata_of_a_realm_with_people() {
    let people = People::with(json!({ "scopes": "openid read" }));
    let metadata = people
        .fixture
        .get("/realms/default/.well-known/openid-configuration")
        .json();
    for (member, expected) in [
        (
            "authorization_endpoint",
            json!(format!("{ISSUER}/authorize")),
        ),
        (
            "pushed_authorization_request_endpoint",
            json!(format!("{ISSUER}/par")),
        ),
        ("userinfo_endpoint", json!(format!("{ISSUER}/userinfo"))),
        ("end_session_endpoint", json!(format!("{ISSUER}/logout"))),
        ("response_types_supported", json!(["code"])),
        ("response_modes_supported", json!(["query", "form_post"])),
        (
            "grant_types_supported",
            json!([
                "authorization_code",
                "client_credentials",
                "refresh_token",
                "urn:ietf:params:oauth:grant-type:token-exchange"
            ]),
        ),
        ("code_challenge_methods_supported", json!(["S256"])),
        (
            "authorization_response_iss_parameter_supported",
            json!(true),
        ),
        ("subject_types_supported", json!(["public"])),
        ("id_token_signing_alg_values_supported", json!(["ES256"])),
        (
            "token_endpoint_auth_methods_supported",
            json!([
                "client_secret_basic",
                "client_secret_post",
                "private_key_jwt",
                "tls_client_auth",
                "none"
            ]),
        ),
    ] {
        assert_eq!(metadata[member], expected, "{member}");
    }
}

#[test]
fn redirect_uris_are_ones_that_browsers_may_be_sent_to() {
    use edge_token::uri::is_redirect_uri;
    for uri in [
        "https://app.example",
        "https://app.example/cb?x=1",
        "http://127.0.0.1:8789/cb",
        "http://localhost/cb",
        "http://[::1]:1/",
        "com.example.app:/cb",
    ] {
        assert!(is_redirect_uri(uri), "{uri}");
    }
    for uri in [
        "",
        "app.example",
        "/cb",
        "https:",
        "https://",
        "https:///cb",
        "https://a@b.example/",
        "https://a.example/#x",
        "https://a.example/a b",
        "https://a.example/\"",
        "https://a.example/ä",
        "http://app.example/",
        "javascript:alert(1)",
        "data:text/html,x",
        "file:///etc/passwd",
        "Com.Example:/cb",
        "http://127.0.0.1@evil.example/",
    ] {
        assert!(!is_redirect_uri(uri), "{uri}");
    }
}

#[test]
fn scripts_of_allowed_origins_can_call_what_they_need() {
    let people = People::with(json!({ "allowed_origins": ["https://spa.example"] }));
    let origin = Some("https://spa.example");
    for (path, method) in [("/token", "POST"), ("/par", "POST"), ("/userinfo", "GET")] {
        for method in [method, "OPTIONS"] {
            let answer = people.send(&Request {
                method,
                path,
                origin,
                ..Request::default()
            });
            assert_eq!(
                answer.header("access-control-allow-origin"),
                origin,
                "{method} {path}"
            );
            assert_eq!(answer.status() == 204, method == "OPTIONS");
        }
        let answer = people.send(&Request {
            method: "PUT",
            path,
            origin,
            ..Request::default()
        });
        assert!(
            answer.header("allow").unwrap().ends_with("OPTIONS"),
            "{path}"
        );
        let off = People::new().send(&Request {
            method: "OPTIONS",
            path,
            origin,
            ..Request::default()
        });
        assert_eq!(
            (off.status(), off.header("access-control-allow-origin")),
            (405, None)
        );
    }
    let answer = people.send(&Request {
        method: "OPTIONS",
        path: "/authorize",
        origin,
        ..Request::default()
    });
    assert_eq!(
        (
            answer.status(),
            answer.header("access-control-allow-origin")
        ),
        (405, None)
    );
}
