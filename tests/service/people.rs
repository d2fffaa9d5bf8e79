//! RFC 6749 §4.1 and §6, RFC 7636, RFC 9126, RFC 9207, OpenID Connect Core and RP-Initiated Logout:
//! from the authorization endpoint by way of the login application to tokens for people.

use std::cell::{Cell, RefCell};

use super::*;

const CALLBACK: &str = "https://app.example/cb?x=1";
const LOGIN_URL: &str = "https://login.example/?realm=default";
/// RFC 7636 appendix B.
const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
const PKCE: &str =
    "&code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM&code_challenge_method=S256";

/// A realm with people, its login application, the confidential client `app` and the public `spa`.
struct People {
    fixture: Fixture,
    /// Where an endpoint is, told by its place in `rfc9068` under the realm.
    place: fn(&str) -> String,
    draws: Cell<u8>,
    /// What the browser comes back with, by ticket.
    decisions: RefCell<HashMap<String, String>>,
}

/// A browser that was sent to the login application.
struct Asked {
    ticket: String,
    cookie: String,
}

impl People {
    fn new() -> Self {
        Self::with(json!({}))
    }

    /// The realm with more members.
    fn with(more: Value) -> Self {
        let mut realm = json!({
            "issuer": ISSUER, "login_url": LOGIN_URL, "login_clients": ["login"],
        });
        for (member, value) in more.as_object().unwrap() {
            realm[member] = value.clone();
        }
        let people = Self {
            fixture: Fixture::configured(json!({ "default": realm }), &secrets()),
            place: |path| format!("/realms/default{path}"),
            draws: Cell::new(0),
            decisions: RefCell::default(),
        };
        people.register("app", |_| ());
        people.register("spa", |client| {
            client.secrets.clear();
            client.token_endpoint_auth_method = edge_token::client::AuthMethod::None;
        });
        people
            .fixture
            .register("login", |client| client.grant_types.clear());
        people
    }

    fn register(&self, id: &str, change: impl FnOnce(&mut Client)) {
        self.fixture.register(id, |client| {
            client.client_name = Some("The app".into());
            client.grant_types = vec!["authorization_code".into(), "refresh_token".into()];
            client.scope = ScopeSet::parse("openid profile email offline_access read").unwrap();
            client.redirect_uris = vec![CALLBACK.into()];
            client.post_logout_redirect_uris = vec!["https://app.example/bye".into()];
            change(client);
        });
    }

    /// Sends with randomness that never repeats.
    fn send(&self, request: &Request<'_>) -> Answer {
        let path = (self.place)(request.path);
        let request = Request {
            path: &path,
            ..*request
        };
        self.fixture.send_with("auth.example", &request, &|octets| {
            self.draws.set(self.draws.get().wrapping_add(1));
            octets.fill(self.draws.get());
            Ok(())
        })
    }

    fn later(&mut self, seconds: u32) {
        self.fixture.now = self.fixture.now.plus(edge_token::time::Seconds(seconds));
    }

    fn authorize(&self, query: &str) -> Answer {
        self.send(&Request {
            method: "GET",
            path: "/authorize",
            query,
            ..Request::default()
        })
    }

    /// Begins and is sent to the login application.
    fn ask(&self, client: &str, more: &str) -> Asked {
        let query = format!(
            "response_type=code&client_id={client}&redirect_uri={}&state=s%26t{more}",
            encoded(CALLBACK)
        );
        Asked::read(&self.authorize(&query))
    }

    /// A call of the login application.
    fn login(&self, path: &str, body: &Value) -> Answer {
        let answer = self.send(&Request {
            authorization: Some(&basic("login", SECRET)),
            content_type: Some("application/json"),
            ..post(path, &body.to_string())
        });
        if let (200, Some(redirect_to)) = (answer.status(), answer.json()["redirect_to"].as_str()) {
            let (_, decision) = redirect_to.split_once("decision=").unwrap();
            let ticket = body["ticket"].as_str().unwrap().to_owned();
            self.decisions
                .borrow_mut()
                .insert(ticket, decision.to_owned());
        }
        answer
    }

    /// What the browser comes back with.
    fn decision(&self, asked: &Asked) -> String {
        self.decisions
            .borrow()
            .get(&asked.ticket)
            .cloned()
            .unwrap_or_default()
    }

    fn accept(&self, asked: &Asked, more: Value) -> Answer {
        let mut body = json!({ "ticket": asked.ticket, "sub": "1302" });
        for (member, value) in more.as_object().unwrap() {
            body[member] = value.clone();
        }
        self.login("/authorize/accept", &body)
    }

    fn resume(&self, asked: &Asked) -> Answer {
        self.resume_with(&self.decision(asked), Some(&asked.cookie))
    }

    fn resume_with(&self, decision: &str, cookie: Option<&str>) -> Answer {
        self.send(&Request {
            method: "GET",
            path: "/authorize/resume",
            query: &format!("decision={decision}"),
            cookie,
            ..Request::default()
        })
    }

    /// A code of a person who accepted all.
    fn code(&self, client: &str, more: &str, accept: Value) -> String {
        let asked = self.ask(client, more);
        assert_eq!(self.accept(&asked, accept).status(), 200);
        self.resume(&asked).location("code").expect("a code")
    }

    fn token(&self, id: &str, form: &str) -> Answer {
        let authorization = basic(id, SECRET);
        self.send(&Request {
            authorization: Some(&authorization)
                .filter(|_| id != "spa")
                .map(|text| &**text),
            ..post("/token", form)
        })
    }

    fn redeem(&self, code: &str, more: &str) -> Answer {
        let uri = encoded(CALLBACK);
        self.token(
            "app",
            &format!("grant_type=authorization_code&code={code}&redirect_uri={uri}{more}"),
        )
    }

    fn refresh(&self, token: &str, more: &str) -> Answer {
        self.token(
            "app",
            &format!("grant_type=refresh_token&refresh_token={token}{more}"),
        )
    }

    fn userinfo(&self, access_token: &str) -> Answer {
        self.send(&Request {
            method: "GET",
            path: "/userinfo",
            authorization: Some(&format!("Bearer {access_token}")),
            ..Request::default()
        })
    }
}

impl Asked {
    fn read(answer: &Answer) -> Self {
        assert_eq!(answer.status(), 303, "{}", answer.response.body);
        let cookie = answer.header("set-cookie").expect("a cookie");
        Self {
            ticket: answer.location("ticket").expect("a ticket"),
            cookie: cookie.split(';').next().unwrap().to_owned(),
        }
    }
}

impl Answer {
    /// A parameter of where the browser is sent.
    fn location(&self, name: &str) -> Option<String> {
        let (_, query) = self.header("location")?.split_once('?')?;
        form_urlencoded::parse(query.as_bytes())
            .find(|(known, _)| known == name)
            .map(|(_, value)| value.into_owned())
    }

    fn text(&self, member: &str) -> String {
        self.json()[member].as_str().expect(member).to_owned()
    }
}

fn encoded(text: &str) -> String {
    form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

/// The claims of a token, unverified.
fn claims_of(token: &str) -> Value {
    let part = token.split('.').nth(1).unwrap();
    let octets = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(part);
    serde_json::from_slice(&octets.unwrap()).unwrap()
}

fn invalid_grant() -> (u16, String) {
    (400, "invalid_grant".into())
}

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
fn the_browser_gets_a_cookie_of_this_host_alone_and_nothing_is_stored_or_referred() {
    let people = People::new();
    let query = "response_type=code&client_id=app";
    let answer = people.authorize(query);
    let cookie = answer.header("set-cookie").unwrap();
    assert!(cookie.starts_with("__Host-ticket-"), "{cookie}");
    for attribute in ["; Path=/;", "; Secure;", "; HttpOnly;", "; SameSite=Lax"] {
        assert!(format!("{cookie};").contains(attribute), "{cookie}");
    }
    let location = answer.header("location").unwrap();
    assert!(
        location.starts_with("https://login.example/?realm=default&ticket="),
        "{location}"
    );
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    assert_eq!(answer.header("referrer-policy"), Some("no-referrer"));
    // A second window has a cookie of its own.
    let other = people.authorize(query);
    let name = |cookie: &str| cookie.split('=').next().unwrap().to_owned();
    assert_ne!(name(cookie), name(other.header("set-cookie").unwrap()));
    // After the way back it goes.
    let asked = Asked::read(&answer);
    people.accept(&asked, json!({}));
    let cookie = people
        .resume(&asked)
        .header("set-cookie")
        .unwrap()
        .to_owned();
    assert!(cookie.contains("=; Path=/; Max-Age=0;"), "{cookie}");
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
fn a_code_needs_its_redirect_uri_and_verifier() {
    let people = People::new();
    let with_pkce = people.code("app", PKCE, json!({}));
    let without = people.code("app", "", json!({}));
    let uri = encoded(CALLBACK);
    let bad_redirects = [
        String::new(),
        format!("&redirect_uri={uri}%2F"),
        "&redirect_uri=https%3A%2F%2Fapp.example%2Fcb".into(),
    ];
    for redirect in bad_redirects {
        let form = format!("grant_type=authorization_code&code={without}{redirect}");
        assert_eq!(
            people.token("app", &form).error(),
            invalid_grant(),
            "{redirect}"
        );
    }
    for verifier in [
        String::new(),
        format!("&code_verifier={CHALLENGE}"),
        format!("&code_verifier={}", &VERIFIER[..42]),
        format!("&code_verifier={VERIFIER}x"),
        format!("&code_verifier={}", "a".repeat(129)),
    ] {
        assert_eq!(
            people.redeem(&with_pkce, &verifier).error(),
            invalid_grant(),
            "{verifier}"
        );
    }
    // A verifier without a challenge is a downgrade that somebody attempts.
    let downgrade = people.redeem(&without, &format!("&code_verifier={VERIFIER}"));
    assert_eq!(downgrade.error(), invalid_grant());
    // None of that used the codes.
    assert_eq!(people.redeem(&without, "").status(), 200);
    assert_eq!(
        people
            .redeem(&with_pkce, &format!("&code_verifier={VERIFIER}"))
            .status(),
        200
    );
}

#[test]
fn bad_codes_look_the_same_and_leave_good_ones_alone() {
    let people = People::new();
    people.register("other", |_| ());
    let code = people.code("app", "", json!({}));
    let uri = encoded(CALLBACK);
    let foreign = people.token(
        "other",
        &format!("grant_type=authorization_code&code={code}&redirect_uri={uri}"),
    );
    let ticket = people.ask("app", "").ticket;
    let mut answers = vec![foreign];
    for bad in [
        "x",
        &"A".repeat(64),
        &format!("{}A", &code[..63]),
        &code[1..],
        &ticket,
    ] {
        answers.push(people.redeem(bad, ""));
    }
    answers.push(people.redeem(&code, "&code_verifier=x"));
    for answer in &answers {
        assert_eq!(answer.error(), invalid_grant());
        assert_eq!(answer.response, answers[0].response);
    }
    let missing = people.token("app", "grant_type=authorization_code");
    assert_eq!(missing.error(), (400, "invalid_request".into()));
    assert_eq!(people.redeem(&code, "").status(), 200);
}

#[test]
fn a_second_use_of_a_code_revokes_what_it_gave() {
    let people = People::new();
    let code = people.code("app", "&scope=openid", json!({}));
    let tokens = people.redeem(&code, "");
    assert_eq!(people.userinfo(&tokens.text("access_token")).status(), 200);
    let again = people.redeem(&code, "");
    assert_eq!(again.error(), invalid_grant());
    assert!(again.reason().contains("revoked"), "{}", again.reason());
    assert_eq!(
        people.refresh(&tokens.text("refresh_token"), "").error(),
        invalid_grant()
    );
    let userinfo = people.userinfo(&tokens.text("access_token"));
    assert_eq!(userinfo.error(), (401, "invalid_token".into()));
    assert_eq!(people.fixture.store.families(), 0);
}

#[test]
fn codes_and_tickets_end() {
    let mut people = People::new();
    let code = people.code("app", "", json!({}));
    people.later(60);
    assert_eq!(people.redeem(&code, "").error(), invalid_grant());
    let asked = people.ask("app", "");
    people.later(30 * 60);
    assert_eq!(people.accept(&asked, json!({})).error(), invalid_grant());
    assert_eq!(people.resume(&asked).status(), 400);
}

#[test]
fn only_the_browser_that_began_goes_on() {
    let people = People::new();
    let asked = people.ask("app", "");
    let other = people.ask("app", "");
    // Whoever began cannot go on without what the deciding browser got, nor the other way round:
    // else they could let somebody else sign in for them.
    assert_eq!(
        people
            .resume_with(&asked.ticket, Some(&asked.cookie))
            .status(),
        400
    );
    people.accept(&asked, json!({}));
    assert_eq!(
        people
            .resume_with(&asked.ticket, Some(&asked.cookie))
            .status(),
        400
    );
    let decision = people.decision(&asked);
    let name = asked.cookie.split('=').next().unwrap();
    let other_value = other.cookie.split('=').nth(1).unwrap();
    for cookie in [
        None,
        Some(String::new()),
        Some(other.cookie.clone()),
        Some(format!("{name}={other_value}")),
        Some(format!("{name}=")),
        Some(format!("x{}", asked.cookie)),
    ] {
        let answer = people.resume_with(&decision, cookie.as_deref());
        assert_eq!(answer.status(), 400, "{cookie:?}");
        assert_eq!(answer.header("location"), None);
    }
    for wrong in ["", "x", &other.ticket, &asked.ticket] {
        let answer = people.resume_with(wrong, Some(&asked.cookie));
        assert_eq!(answer.status(), 400);
    }
    let among_others = format!("a=b; {}; c=d", asked.cookie);
    let first = people.resume_with(&decision, Some(&among_others));
    // A browser that comes twice gets the same code.
    let second = people.resume(&asked);
    assert_eq!(first.location("code"), second.location("code"));
    assert!(first.location("code").is_some());
}

#[test]
fn the_login_application_alone_decides_and_only_once() {
    let people = People::new();
    let asked = people.ask("app", "&scope=openid+email");
    let path = "/authorize/accept";
    let body = json!({ "ticket": asked.ticket, "sub": "1302" }).to_string();
    let json_post = |authorization, content_type| Request {
        authorization,
        content_type,
        ..post(path, &body)
    };
    let (app, wrong) = (basic("app", SECRET), basic("login", "wrong"));
    let login = basic("login", SECRET);
    for (request, expected) in [
        (
            json_post(Some(&app), Some("application/json")),
            (400, "unauthorized_client"),
        ),
        (
            json_post(Some(&wrong), Some("application/json")),
            (401, "invalid_client"),
        ),
        (
            json_post(None, Some("application/json")),
            (401, "invalid_client"),
        ),
        (
            json_post(Some(&login), Some("application/x-www-form-urlencoded")),
            (400, "invalid_request"),
        ),
        (
            Request {
                method: "GET",
                ..json_post(Some(&login), Some("application/json"))
            },
            (405, "invalid_request"),
        ),
    ] {
        let answer = people.send(&request);
        assert_eq!(answer.error(), (expected.0, expected.1.to_owned()));
    }
    for (more, error) in [
        (json!({ "sub": "" }), "invalid_request"),
        (json!({ "sub": 7 }), "invalid_request"),
        (json!({ "sub": null }), "invalid_request"),
        (json!({ "sub": "a\nb" }), "invalid_request"),
        (json!({ "sub": "a".repeat(256) }), "invalid_request"),
        (json!({ "sub": "ä" }), "invalid_request"),
        (
            json!({ "claims": { "a": [[[[[[[[[1]]]]]]]]] } }),
            "invalid_request",
        ),
        (json!({ "auth_time": (NOW + 61) }), "invalid_request"),
        (json!({ "claims": { "sub": "other" } }), "invalid_request"),
        (json!({ "claims": { "scope": "admin" } }), "invalid_request"),
        (json!({ "claims": [] }), "invalid_request"),
        (json!({ "auth_time": "1" }), "invalid_request"),
        (json!({ "acr": "" }), "invalid_request"),
        (json!({ "scope": " " }), "invalid_request"),
        (json!({ "scope": "openid read" }), "invalid_scope"),
        (json!({ "unknown": 1 }), "invalid_request"),
        (json!({ "ticket": "x" }), "invalid_grant"),
        (json!({ "ticket": 1 }), "invalid_request"),
        (json!({ "ticket": "A".repeat(64) }), "invalid_grant"),
    ] {
        assert_eq!(
            people.accept(&asked, more.clone()).error(),
            (400, error.into()),
            "{more}"
        );
    }
    for error in [json!(null), json!("x"), json!("invalid_request"), json!(1)] {
        let body = json!({ "ticket": asked.ticket, "error": error });
        assert_eq!(people.login("/authorize/reject", &body).error().0, 400);
    }
    assert_eq!(
        people.resume(&asked).status(),
        400,
        "nothing is decided yet"
    );
    assert_eq!(
        people.accept(&asked, json!({ "scope": "openid" })).status(),
        200
    );
    assert_eq!(
        people.accept(&asked, json!({ "scope": "openid" })).status(),
        200,
        "a retry"
    );
    assert_eq!(
        people.accept(&asked, json!({ "sub": "7" })).error(),
        invalid_grant()
    );
    let reject = json!({ "ticket": asked.ticket, "error": "access_denied" });
    assert_eq!(
        people.login("/authorize/reject", &reject).error(),
        invalid_grant()
    );
    let look = json!({ "ticket": asked.ticket });
    assert_eq!(
        people.login("/authorize/ticket", &look).error(),
        invalid_grant()
    );
    let code = people.resume(&asked).location("code").unwrap();
    assert_eq!(people.redeem(&code, "").text("scope"), "openid");
}

#[test]
fn a_rejection_reaches_the_client() {
    let people = People::new();
    let asked = people.ask("app", "&prompt=none");
    let reject = json!({ "ticket": asked.ticket, "error": "login_required" });
    assert_eq!(people.login("/authorize/reject", &reject).status(), 200);
    let resumed = people.resume(&asked);
    assert_eq!(resumed.location("error").as_deref(), Some("login_required"));
    assert_eq!(resumed.location("state").as_deref(), Some("s&t"));
    assert_eq!(resumed.location("iss").as_deref(), Some(ISSUER));
    assert_eq!(resumed.location("code"), None);
}

#[test]
fn max_age_is_kept() {
    let people = People::new();
    let asked = people.ask("app", "&max_age=100");
    let look = json!({ "ticket": asked.ticket });
    assert_eq!(
        people.login("/authorize/ticket", &look).json()["max_age"],
        100
    );
    for auth_time in [json!(null), json!(NOW - 161)] {
        let answer = people.accept(&asked, json!({ "auth_time": auth_time }));
        assert_eq!(
            answer.error(),
            (400, "invalid_request".into()),
            "{auth_time}"
        );
    }
    assert_eq!(
        people
            .accept(&asked, json!({ "auth_time": NOW - 160 }))
            .status(),
        200
    );
}

#[test]
fn refresh_tokens_rotate_and_a_lost_answer_can_be_had_again() {
    let mut people = People::new();
    let code = people.code(
        "app",
        "&scope=openid+read&nonce=n1",
        json!({ "auth_time": NOW }),
    );
    let first = people.redeem(&code, "").text("refresh_token");
    people.later(100);
    let answer = people.refresh(&first, "");
    let second = answer.text("refresh_token");
    assert_ne!(first, second);
    assert_eq!(answer.claims()["sub"], "1302");
    assert_eq!(answer.text("scope"), "openid read");
    // OpenID Connect Core §12.2: the same person and sign-in, no nonce.
    let id_token = claims_of(&answer.text("id_token"));
    assert_eq!(
        (&id_token["sub"], &id_token["auth_time"]),
        (&json!("1302"), &json!(NOW))
    );
    assert_eq!(
        (&id_token["iat"], id_token.get("nonce")),
        (&json!(NOW + 100), None)
    );
    // The answer was lost.
    people.later(9);
    let retry = people.refresh(&first, "");
    assert_eq!(retry.text("refresh_token"), second);
    assert_ne!(retry.text("access_token"), answer.text("access_token"));
    // It arrived: its token is used, and the first one is a replay.
    let third = people.refresh(&second, "").text("refresh_token");
    let replay = people.refresh(&first, "");
    assert_eq!(replay.error(), invalid_grant());
    assert!(replay.reason().contains("revoked"));
    assert_eq!(people.refresh(&third, "").error(), invalid_grant());
}

#[test]
fn after_the_grace_a_used_token_revokes() {
    for grace in [0, 30] {
        let mut people = People::with(json!({ "refresh_token_grace": grace }));
        let code = people.code("app", "", json!({}));
        let first = people.redeem(&code, "").text("refresh_token");
        let second = people.refresh(&first, "").text("refresh_token");
        people.later(grace);
        assert_eq!(people.refresh(&first, "").error(), invalid_grant());
        assert_eq!(people.refresh(&second, "").error(), invalid_grant());
    }
}

#[test]
fn bad_refresh_tokens_look_the_same_and_leave_good_ones_alone() {
    let people = People::new();
    people.register("other", |_| ());
    people.register("no-refresh", |client| client.grant_types.truncate(1));
    let code = people.code("app", "&scope=openid+read", json!({}));
    let good = people.redeem(&code, "").text("refresh_token");
    let flipped = |at: usize| {
        let other = if &good[at..=at] == "A" { "B" } else { "A" };
        format!("{}{other}{}", &good[..at], &good[at + 1..])
    };
    let mut bad = vec![people.token(
        "other",
        &format!("grant_type=refresh_token&refresh_token={good}"),
    )];
    // In the family's id, the seed, the generation and the proof.
    for token in [
        "x",
        &"A".repeat(112),
        &good[1..],
        &flipped(3),
        &flipped(30),
        &flipped(66),
        &flipped(90),
        &code,
    ] {
        bad.push(people.refresh(token, ""));
    }
    for answer in &bad {
        assert_eq!(answer.error(), invalid_grant());
        assert_eq!(answer.response, bad[0].response);
    }
    let unregistered = people.token(
        "no-refresh",
        &format!("grant_type=refresh_token&refresh_token={good}"),
    );
    assert_eq!(unregistered.error(), (400, "unauthorized_client".into()));
    let unauthenticated = people.send(&post(
        "/token",
        &format!("grant_type=refresh_token&refresh_token={good}"),
    ));
    assert_eq!(unauthenticated.error(), (401, "invalid_client".into()));
    for (scope, error) in [("openid+email", "invalid_scope"), ("++", "invalid_scope")] {
        let answer = people.refresh(&good, &format!("&scope={scope}"));
        assert_eq!(answer.error(), (400, error.into()));
    }
    let target = people.refresh(&good, "&resource=urn:x");
    assert_eq!(target.error(), (400, "invalid_target".into()));
    assert_eq!(
        people.refresh("", "").error(),
        (400, "invalid_request".into())
    );
    // Narrower for once, and all again.
    let narrow = people.refresh(&good, "&scope=read");
    assert_eq!(narrow.text("scope"), "read");
    assert_eq!(narrow.json().get("id_token"), None);
    let all = people.refresh(&narrow.text("refresh_token"), "");
    assert_eq!(all.text("scope"), "openid read");
}

#[test]
fn refresh_tokens_end_when_idle_and_after_all() {
    let lifetimes = json!({
        "refresh_token_idle_ttl": 1000, "refresh_token_ttl": 2500,
        "offline_token_idle_ttl": 3000, "offline_token_ttl": 7000,
    });
    for (scope, idle, absolute) in [("read", 1000, 2500), ("read+offline_access", 3000, 7000)] {
        let mut people = People::with(lifetimes.clone());
        let scope = format!("&scope={scope}");
        let idle_one = people.redeem(&people.code("app", &scope, json!({})), "");
        let mut used = people.redeem(&people.code("app", &scope, json!({})), "");
        for _ in 0..2 {
            people.later(idle - 1);
            used = people.refresh(&used.text("refresh_token"), "");
        }
        assert_eq!(
            people.refresh(&idle_one.text("refresh_token"), "").error(),
            invalid_grant()
        );
        people.later(absolute - 2 * (idle - 1) - 1);
        used = people.refresh(&used.text("refresh_token"), "");
        assert_eq!(used.status(), 200, "{scope}");
        people.later(1);
        assert_eq!(
            people.refresh(&used.text("refresh_token"), "").error(),
            invalid_grant()
        );
    }
}

#[test]
fn a_client_gets_no_more_than_its_record_still_allows() {
    let mut people = People::new();
    let code = people.code("app", "&scope=openid+email+read", json!({}));
    let refresh = people.redeem(&code, "").text("refresh_token");
    people.register("app", |client| {
        client.scope = ScopeSet::parse("openid read").unwrap()
    });
    let answer = people.refresh(&refresh, "");
    assert_eq!(answer.text("scope"), "openid read");
    let realm = json!({
        "issuer": ISSUER, "login_url": LOGIN_URL, "login_clients": ["login"], "scopes": "openid email",
    });
    let narrower = Fixture::configured(json!({ "default": realm }), &secrets());
    let whole = std::mem::replace(&mut people.fixture.service, narrower.service);
    let answer = people.refresh(&answer.text("refresh_token"), "");
    assert_eq!(answer.text("scope"), "openid");
    people.fixture.service = whole;
    people.register("app", |client| client.disabled = true);
    let refused = people.refresh(&answer.text("refresh_token"), "");
    assert_eq!(refused.error(), (401, "invalid_client".into()));
}

#[test]
fn a_resource_that_was_asked_for_binds_the_tokens() {
    let people = People::new();
    people.register("app", |client| {
        client.audience = vec!["urn:a".into(), "urn:b".into()]
    });
    let free = people.redeem(&people.code("app", "", json!({})), "");
    assert_eq!(free.claims()["aud"], json!(["urn:a", "urn:b"]));
    let code = people.code("app", "&resource=urn:b", json!({}));
    assert_eq!(
        people.redeem(&code, "&resource=urn:a").error(),
        (400, "invalid_target".into())
    );
    let bound = people.redeem(&code, "");
    assert_eq!(bound.claims()["aud"], "urn:b");
    let refresh = bound.text("refresh_token");
    assert_eq!(
        people.refresh(&refresh, "&resource=urn:a").error(),
        (400, "invalid_target".into())
    );
    let answer = people.refresh(&refresh, "&resource=urn:b");
    assert_eq!(answer.claims()["aud"], "urn:b");
    people.register("app", |client| client.audience = vec!["urn:a".into()]);
    let gone = people.refresh(&answer.text("refresh_token"), "");
    assert_eq!(gone.error(), (400, "invalid_target".into()));
}

#[test]
fn a_client_that_may_not_refresh_gets_no_refresh_token() {
    let people = People::new();
    people.register("app", |client| client.grant_types.truncate(1));
    let code = people.code("app", "&scope=openid+offline_access", json!({}));
    let answer = people.redeem(&code, "");
    assert_eq!(answer.status(), 200);
    assert_eq!(answer.json().get("refresh_token"), None);
    // A second use is a replay all the same.
    assert_eq!(people.redeem(&code, "").error(), invalid_grant());
    assert_eq!(people.userinfo(&answer.text("access_token")).error().0, 401);
}

#[test]
fn a_public_client_proves_itself_by_pkce() {
    let people = People::new();
    let code = people.code("spa", PKCE, json!({}));
    let uri = encoded(CALLBACK);
    let form =
        format!("grant_type=authorization_code&client_id=spa&code={code}&redirect_uri={uri}");
    assert_eq!(people.token("spa", &form).error(), invalid_grant());
    let good = people.token("spa", &format!("{form}&code_verifier={VERIFIER}"));
    assert_eq!(good.claims()["client_id"], "spa");
    let form = format!(
        "grant_type=refresh_token&client_id=spa&refresh_token={}",
        good.text("refresh_token")
    );
    assert_eq!(people.token("spa", &form).status(), 200);
    // A client of its own right it is not.
    people.register("spa", |client| {
        client.secrets.clear();
        client.token_endpoint_auth_method = edge_token::client::AuthMethod::None;
        client.grant_types = vec!["client_credentials".into()];
    });
    let own = people.token("spa", "grant_type=client_credentials&client_id=spa");
    assert_eq!(own.error(), (400, "unauthorized_client".into()));
}

#[test]
fn pushed_requests_are_good_once_for_their_client() {
    let mut people = People::new();
    people.register("other", |_| ());
    let push = |people: &People, more: &str| {
        people.send(&Request {
            authorization: Some(&basic("app", SECRET)),
            ..post(
                "/par",
                &format!("response_type=code&client_id=app&scope=openid&state=s1{more}"),
            )
        })
    };
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
    assert_eq!(people.authorize(&query).status(), 400, "used");
    people.accept(&asked, json!({}));
    let resumed = people.resume(&asked);
    assert_eq!(resumed.location("state").as_deref(), Some("s1"));
    let code = resumed.location("code").unwrap();
    let form = format!("grant_type=authorization_code&code={code}&code_verifier={VERIFIER}");
    assert_eq!(people.token("app", &form).text("scope"), "openid");

    for more in [
        "&request_uri=urn:x",
        "&redirect_uri=https%3A%2F%2Fevil.example",
        "&max_age=x",
    ] {
        assert_eq!(
            push(&people, more).error(),
            (400, "invalid_request".into()),
            "{more}"
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
fn userinfo_takes_access_tokens_of_people_alone() {
    let mut people = People::new();
    people.register("machine", |client| {
        client.grant_types = vec!["client_credentials".into()]
    });
    let claims = json!({ "name": "Ada", "email": "a@example.com", "address": {}, "role": "x" });
    let tokens = |scope: &str| {
        let code = people.code(
            "app",
            &format!("&scope={scope}"),
            json!({ "claims": claims }),
        );
        people.redeem(&code, "")
    };
    let good = tokens("openid+profile");
    let access_token = good.text("access_token");
    assert_eq!(
        people.userinfo(&access_token).json(),
        json!({ "sub": "1302", "name": "Ada" })
    );
    let without_openid = people.userinfo(&tokens("email").text("access_token"));
    assert_eq!(without_openid.error(), (403, "insufficient_scope".into()));
    assert_eq!(
        without_openid.header("www-authenticate"),
        Some("Bearer realm=\"default\", error=\"insufficient_scope\"")
    );
    let machine = people.token("machine", "grant_type=client_credentials&scope=openid");
    // Its own signature does not make anything an access token.
    let sid = claims_of(&access_token)["sid"].clone();
    let signed = |typ: &str, change: &dyn Fn(&mut Value)| signed(typ, &sid, change);
    assert_eq!(people.userinfo(&signed("at+jwt", &|_| ())).status(), 200);
    let (head, signature) = access_token.rsplit_once('.').unwrap();
    for token in [
        signed("JWT", &|_| ()),
        signed("at+jwt", &|claims| {
            claims["iss"] = json!("https://other.example")
        }),
        signed("at+jwt", &|claims| claims["jti"] = Value::Null),
        signed("at+jwt", &|claims| claims["sid"] = json!("1")),
        with_another_algorithm(&access_token),
        "x".to_owned(),
        good.text("id_token"),
        good.text("refresh_token"),
        machine.text("access_token"),
        format!("{head}."),
        format!("{head}.{}", signature.replace(&signature[..4], "AAAA")),
        format!("{access_token}A"),
    ] {
        let answer = people.userinfo(&token);
        assert_eq!(answer.error(), (401, "invalid_token".into()), "{token}");
        assert_eq!(
            answer.header("www-authenticate"),
            Some("Bearer realm=\"default\", error=\"invalid_token\"")
        );
    }
    let none = people.send(&Request {
        method: "GET",
        path: "/userinfo",
        ..Request::default()
    });
    assert_eq!(none.status(), 401);
    assert_eq!(
        none.header("www-authenticate"),
        Some("Bearer realm=\"default\"")
    );
    people.register("app", |client| client.disabled = true);
    assert_eq!(
        people.userinfo(&access_token).error(),
        (401, "invalid_token".into())
    );
    people.register("app", |_| ());
    assert_eq!(people.userinfo(&access_token).status(), 200);
    people.later(300);
    assert_eq!(people.userinfo(&access_token).error().0, 401);
}

/// A token of those claims, changed, signed by the realm's own key.
fn signed(typ: &str, sid: &Value, change: &dyn Fn(&mut Value)) -> String {
    let mut custom = json!({
        "iss": ISSUER, "sub": "1302", "aud": "app", "jti": "1", "scope": "openid", "sid": sid,
    });
    change(&mut custom);
    let moment = |seconds| UnixTime::from_seconds(NOW).plus(edge_token::time::Seconds(seconds));
    let claims = edge_token::jose::Claims {
        issued_at: moment(0),
        not_before: None,
        expiration: moment(9),
        custom,
    };
    let key = key(1, NOW - 1000, NOW + 1_000_000);
    edge_token::jose::sign(&key, Some(typ), claims).unwrap()
}

/// The token with `HS256` in its header, signed by the same key with ES256.
fn with_another_algorithm(token: &str) -> String {
    use p256::ecdsa::signature::Signer as _;
    let encode = |octets: &[u8]| base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(octets);
    let mut header: Value = serde_json::from_slice(
        &base64::engine::general_purpose::URL_SAFE_NO_PAD
            .decode(token.split('.').next().unwrap())
            .unwrap(),
    )
    .unwrap();
    header["alg"] = json!("HS256");
    let signed = format!(
        "{}.{}",
        encode(header.to_string().as_bytes()),
        token.split('.').nth(1).unwrap()
    );
    let key = p256::ecdsa::SigningKey::from_slice(&[1; 32]).unwrap();
    let signature: p256::ecdsa::Signature = key.sign(signed.as_bytes());
    format!("{signed}.{}", encode(&signature.to_bytes()))
}

#[test]
fn a_client_can_end_what_began() {
    let mut people = People::new();
    let end = |people: &People, query: &str| {
        people.send(&Request {
            method: "GET",
            path: "/logout",
            query,
            ..Request::default()
        })
    };
    let tokens = people.redeem(&people.code("app", "&scope=openid", json!({})), "");
    let hint = tokens.text("id_token");
    let sid = claims_of(&hint)["sid"].clone();
    let without_jti = |claims: &mut Value| claims["jti"] = Value::Null;
    let bye = encoded("https://app.example/bye");
    for query in [
        String::new(),
        format!("post_logout_redirect_uri={bye}"),
        "id_token_hint=x".into(),
        format!("id_token_hint={}", signed("JWT", &sid, &|_| ())),
        format!("id_token_hint={}", signed("at+jwt", &sid, &without_jti)),
        format!(
            "id_token_hint={}",
            signed("JWT", &sid, &|claims| {
                without_jti(claims);
                claims["iss"] = json!("https://other.example");
            })
        ),
        format!("id_token_hint={}", tokens.text("access_token")),
        format!("id_token_hint={hint}&client_id=spa"),
        format!("id_token_hint={hint}&post_logout_redirect_uri=https%3A%2F%2Fevil.example"),
        format!(
            "id_token_hint={hint}&post_logout_redirect_uri={}",
            encoded(CALLBACK)
        ),
    ] {
        let answer = end(&people, &query);
        assert_eq!(answer.status(), 400, "{query}");
        assert_eq!(
            answer.header("content-type"),
            Some("text/html; charset=utf-8")
        );
        assert_eq!(people.userinfo(&tokens.text("access_token")).status(), 200);
    }
    let answer = end(
        &people,
        &format!("id_token_hint={hint}&client_id=app&post_logout_redirect_uri={bye}&state=s%261"),
    );
    assert_eq!(
        answer.header("location"),
        Some("https://app.example/bye?state=s%261")
    );
    assert_eq!(people.userinfo(&tokens.text("access_token")).error().0, 401);
    assert_eq!(
        people.refresh(&tokens.text("refresh_token"), "").error(),
        invalid_grant()
    );
    // Once more: there is nothing to end, and that is no error. A hint may be an old one.
    let late = signed("JWT", &sid, &without_jti);
    people.later(10_000_000);
    for hint in [hint, late] {
        let answer = end(&people, &format!("id_token_hint={hint}"));
        assert_eq!(answer.status(), 200);
        assert_eq!(answer.log()["outcome"], "ended");
    }
}

#[test]
fn a_failing_family_is_a_503_and_a_refresh_can_be_tried_again() {
    let people = People::new();
    let code = people.code("app", "&scope=openid", json!({}));
    let tokens = people.redeem(&code, "");
    let refresh = tokens.text("refresh_token");
    let second = people.code("app", "", json!({}));
    let (asked, open) = (people.ask("app", ""), people.ask("app", ""));
    people.accept(&asked, json!({}));
    for failure in [
        StoreError::Unavailable {
            detail: "overloaded".into(),
        },
        StoreError::Timeout,
    ] {
        people.fixture.store.fail_acts(Some(failure));
        for answer in [
            people.authorize("response_type=code&client_id=app"),
            people.redeem(&second, ""),
            people.refresh(&refresh, ""),
            people.accept(&asked, json!({})),
            people.login(
                "/authorize/reject",
                &json!({ "ticket": open.ticket, "error": "access_denied" }),
            ),
            people.login("/authorize/ticket", &json!({ "ticket": open.ticket })),
            people.resume(&asked),
            people.send(&Request {
                authorization: Some(&basic("app", SECRET)),
                ..post("/par", "response_type=code")
            }),
            people.userinfo(&tokens.text("access_token")),
            people.send(&Request {
                method: "GET",
                path: "/logout",
                query: &format!("id_token_hint={}", tokens.text("id_token")),
                ..Request::default()
            }),
        ] {
            assert_eq!(answer.status(), 503);
            assert_eq!(answer.header("retry-after"), Some("5"));
            assert_eq!(answer.log()["outcome"], "failed");
        }
        people.fixture.store.fail_acts(None);
    }
    let successor = people.refresh(&refresh, "").text("refresh_token");
    assert_eq!(
        people.refresh(&refresh, "").text("refresh_token"),
        successor
    );
    assert_eq!(people.redeem(&second, "").status(), 200);
}

#[test]
fn client_credentials_ask_no_family() {
    let people = People::new();
    people.register("machine", |client| {
        client.grant_types.push("client_credentials".into());
    });
    people.fixture.store.fail_acts(Some(StoreError::Timeout));
    let answer = people.token(
        "machine",
        "grant_type=client_credentials&scope=offline_access",
    );
    assert_eq!(answer.status(), 200);
    assert_eq!(answer.json().get("refresh_token"), None);
    assert_eq!(people.fixture.store.acts(), 0);
}

#[test]
fn without_a_key_no_code_or_refresh_token_is_used() {
    let mut people = People::with(json!({ "refresh_token_grace": 0 }));
    let code = people.code("app", "&scope=offline_access", json!({}));
    let other = people.code("app", "&scope=offline_access", json!({}));
    let refresh = people.redeem(&code, "").text("refresh_token");
    let keyless = Fixture::configured(
        json!({ "default": { "issuer": ISSUER, "login_url": LOGIN_URL, "login_clients": ["login"] } }),
        &HashMap::from([("SIGNING_KEYS", jwk_set(&[&key(1, NOW - 9, NOW + 10)]))]),
    );
    let good = std::mem::replace(&mut people.fixture.service, keyless.service);
    assert_eq!(people.redeem(&other, "").status(), 503);
    assert_eq!(people.refresh(&refresh, "").status(), 503);
    people.fixture.service = good;
    assert_eq!(people.redeem(&other, "").status(), 200);
    let successor = people.refresh(&refresh, "").text("refresh_token");
    assert_ne!(successor, refresh);
}

#[test]
fn realms_are_strangers_to_one_anothers_families() {
    let realm = |name: &str| {
        json!({
            "issuer": format!("https://auth.example/realms/{name}"),
            "login_url": LOGIN_URL, "login_clients": ["login"],
        })
    };
    let mut people = People::new();
    let realms = json!({ "default": realm("default"), "other": realm("other") });
    people.fixture.service = Fixture::configured(realms, &secrets()).service;
    people.fixture.register_in("other", "app", |client| {
        client.grant_types = vec!["authorization_code".into(), "refresh_token".into()];
        client.redirect_uris = vec![CALLBACK.into()];
    });
    let tokens = people.redeem(&people.code("app", "&scope=openid", json!({})), "");
    let code = people.code("app", "&scope=openid", json!({}));
    let own = people.place;
    people.place = |path| format!("/realms/other{path}");
    assert_eq!(people.redeem(&code, "").error(), invalid_grant());
    assert_eq!(
        people.refresh(&tokens.text("refresh_token"), "").error(),
        invalid_grant()
    );
    assert_eq!(people.userinfo(&tokens.text("access_token")).error().0, 401);
    people.place = own;
    assert_eq!(people.redeem(&code, "").status(), 200);
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
        ("response_modes_supported", json!(["query"])),
        (
            "grant_types_supported",
            json!(["authorization_code", "client_credentials", "refresh_token"]),
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
            json!(["client_secret_basic", "client_secret_post", "none"]),
        ),
    ] {
        assert_eq!(metadata[member], expected, "{member}");
    }
}

#[test]
fn redirect_uris_are_ones_that_browsers_may_be_sent_to() {
    use edge_token::client::is_redirect_uri;
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

/// What a login application tells of the person of seed 2's document.
fn test_user() -> Value {
    json!({
        "claims": {
            "email": "test@screeningeagle.com", "email_verified": true, "name": "Test User",
            "first_name": "Test", "last_name": "User", "country_code": "SG",
            "picture": "https://id-dev.screeningeagle.com/api/v1/user/1302/picture/",
            "updated_at": 1_725_846_378, "scopes": ["user"], "userID": 1302, "userRegion": "SG",
            "user_type": "admin",
        },
    })
}

/// The names of an object's members that `known` has not.
fn besides<'a>(object: &'a Value, known: &[&str]) -> Vec<&'a str> {
    let names = object.as_object().unwrap().keys().map(String::as_str);
    for name in known {
        assert!(object.get(name).is_some(), "{name} of {object}");
    }
    names.filter(|name| !known.contains(name)).collect()
}

#[test]
fn screening_eagle_people_have_the_members_of_its_document() {
    let mut people =
        People::with(json!({ "dialect": "screening-eagle", "iss": "Screening Eagle ID" }));
    people.place = |path| match path {
        "/token" => "/api/id/v1/auth/token".to_owned(),
        path => format!("/realms/default{path}"),
    };
    people.register("app", |client| {
        client.scope = ScopeSet::parse("openid email profile inspect").unwrap();
        // A client's own claims are not a person's.
        client.claims = json!({ "userID": 1, "tier": "gold" })
            .as_object()
            .unwrap()
            .clone();
    });
    let code = people.code("app", "&scope=openid+email+profile+inspect", test_user());
    let answer = people.redeem(&code, "");
    let members = [
        "scope",
        "token_type",
        "access_token",
        "expires_in",
        "id_token",
        "refresh_token",
    ];
    assert!(besides(&answer.json(), &members).is_empty());
    assert_eq!(answer.json()["expires_in"], 604_800);
    let access = answer.claims();
    let members = [
        "aud",
        "exp",
        "jti",
        "iat",
        "iss",
        "sub",
        "scp",
        "scopes",
        "userID",
        "userRegion",
    ];
    assert_eq!(besides(&access, &members), ["sid", "tier"]);
    assert_eq!(access["scp"], "openid email profile inspect");
    assert_eq!(
        (&access["userID"], &access["scopes"]),
        (&json!(1302), &json!(["user"]))
    );
    let id_token = claims_of(&answer.text("id_token"));
    let members = [
        "aud",
        "exp",
        "iat",
        "iss",
        "sub",
        "email",
        "email_verified",
        "name",
        "first_name",
        "last_name",
        "country_code",
        "picture",
        "updated_at",
    ];
    assert_eq!(besides(&id_token, &members), ["at_hash", "azp", "sid"]);
    assert_eq!(
        (&id_token["iss"], &id_token["aud"]),
        (&json!("Screening Eagle ID"), &json!("app"))
    );
    let refreshed = people.refresh(&answer.text("refresh_token"), "");
    assert_eq!(refreshed.claims()["userID"], 1302);
    assert_eq!(
        people.userinfo(&answer.text("access_token")).json()["email"],
        "test@screeningeagle.com"
    );
    assert_eq!(people.userinfo(&answer.text("id_token")).status(), 401);
    let error = people.redeem(&code, "").json();
    assert!(error["errorDescription"].is_string(), "{error}");
}

#[test]
fn light_oauth2_people_have_the_members_of_its_document() {
    let mut people = People::with(json!({
        "dialect": "light-oauth2", "iss": "urn:com:networknt:oauth2:v1", "audience": ["urn:com.networknt"],
    }));
    people.place = |path| match path {
        "/token" => "/oauth2/token".to_owned(),
        path => match path.strip_prefix("/authorize") {
            Some(rest) => format!("/oauth2/code{rest}"),
            None => format!("/realms/default{path}"),
        },
    };
    people.register("app", |client| {
        client.grant_types.truncate(1);
        client.scope = ScopeSet::parse("petstore.r petstore.w").unwrap();
    });
    // Its document redeems without `redirect_uri`, and codes live 10 minutes.
    let code = people.code("app", "", test_user());
    people.later(599);
    let now = NOW + 599;
    let answer = people.token("app", &format!("grant_type=authorization_code&code={code}"));
    assert!(
        besides(
            &answer.json(),
            &["access_token", "token_type", "expires_in"]
        )
        .is_empty()
    );
    let access = answer.claims();
    let members = [
        "iss",
        "aud",
        "exp",
        "jti",
        "iat",
        "nbf",
        "version",
        "user_id",
        "user_type",
        "client_id",
        "scope",
    ];
    assert_eq!(besides(&access, &members), ["sid"]);
    assert_eq!(
        (&access["user_id"], &access["user_type"]),
        (&json!("1302"), &json!("admin"))
    );
    assert_eq!(
        (&access["iat"], &access["nbf"]),
        (&json!(now), &json!(now - 120))
    );
    let late = people.code("app", "", test_user());
    people.later(600);
    let late = people.token("app", &format!("grant_type=authorization_code&code={late}"));
    assert_eq!(late.error(), invalid_grant());
    // One that is named must be the right one.
    let code = people.code("app", "", test_user());
    let form =
        format!("grant_type=authorization_code&code={code}&redirect_uri=https%3A%2F%2Fapp.example");
    assert_eq!(people.token("app", &form).error(), invalid_grant());
}

#[test]
fn keycloak_people_have_a_session_and_clients_can_stay_offline() {
    let mut people = People::with(json!({ "dialect": "keycloak" }));
    people.place = |path| {
        let end = path
            .trim_start_matches("/authorize")
            .trim_start_matches("/par");
        let path = match path {
            path if path.starts_with("/authorize") => format!("/auth{end}"),
            path if path.starts_with("/par") => "/ext/par/request".to_owned(),
            path => path.to_owned(),
        };
        format!("/auth/realms/default/protocol/openid-connect{path}")
    };
    let sign_in = |scope: &str| {
        let code = people.code("app", &format!("&scope={scope}"), test_user());
        people.redeem(&code, "")
    };
    let answer = sign_in("openid+email");
    let members = [
        "access_token",
        "expires_in",
        "refresh_expires_in",
        "refresh_token",
        "token_type",
        "id_token",
        "not-before-policy",
        "session_state",
        "scope",
    ];
    assert!(besides(&answer.json(), &members).is_empty());
    assert_eq!(answer.json()["refresh_expires_in"], 1800);
    let access = answer.claims();
    assert_eq!(
        (&access["typ"], &access["azp"]),
        (&json!("Bearer"), &json!("app"))
    );
    assert_eq!(access["session_state"], answer.json()["session_state"]);
    assert_eq!(access["sid"], access["session_state"]);
    assert_eq!(
        (&access["email_verified"], access.get("name")),
        (&json!(true), None)
    );
    for service in [
        "clientHost",
        "clientId",
        "clientAddress",
        "client_id",
        "preferred_username",
    ] {
        assert_eq!(access.get(service), None, "{service}");
    }
    let id_token = claims_of(&answer.text("id_token"));
    assert_eq!(
        (&id_token["typ"], &id_token["acr"]),
        (&json!("ID"), &json!("1"))
    );
    assert_eq!(id_token["sid"], access["sid"]);
    assert_eq!(people.userinfo(&answer.text("id_token")).status(), 401);
    let offline = sign_in("openid+offline_access");
    assert_eq!(offline.claims().get("email_verified"), None);
    assert_eq!(offline.json()["refresh_expires_in"], 0);
    let pushed = people.send(&Request {
        authorization: Some(&basic("app", SECRET)),
        ..post("/par", "response_type=code")
    });
    assert_eq!(pushed.status(), 201);
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

#[test]
fn the_log_names_families_that_exist_alone() {
    let people = People::new();
    let code = people.code("app", "", json!({}));
    let answer = people.redeem(&code, "");
    assert!(answer.log()["family"].is_string());
    let unknown = people.redeem(&"A".repeat(64), "").log();
    assert_eq!(
        (unknown.get("family"), &unknown["outcome"]),
        (None, &json!("rejected"))
    );
}

#[test]
fn keycloak_gives_clients_refresh_tokens_for_offline_access() {
    let mut people = People::with(json!({ "dialect": "keycloak", "session_state": true }));
    people.place = |path| format!("/realms/default/protocol/openid-connect{path}");
    people.register("app", |client| {
        client.grant_types = vec!["client_credentials".into(), "refresh_token".into()];
    });
    let form = "grant_type=client_credentials&scope=offline_access+email";
    let answer = people.token("app", form);
    let refreshed = people.refresh(&answer.text("refresh_token"), "");
    assert_eq!(
        refreshed.text("session_state"),
        answer.text("session_state")
    );
    let claims = refreshed.claims();
    assert_eq!(claims["session_state"], answer.json()["session_state"]);
    assert_eq!(claims["preferred_username"], "service-account-app");
    assert_eq!((&claims["sub"], claims.get("sid")), (&json!("app"), None));
    // Without the scope, or the grant, there is none.
    let without = people
        .token("app", "grant_type=client_credentials&scope=email")
        .json();
    assert_eq!(without.get("refresh_token"), None);
    people.register("app", |client| {
        client.grant_types = vec!["client_credentials".into()]
    });
    assert_eq!(people.token("app", form).json().get("refresh_token"), None);
}

#[test]
fn without_a_key_no_family_begins() {
    let realm = json!({ "dialect": "keycloak", "issuer": ISSUER });
    let keys = HashMap::from([("SIGNING_KEYS", jwk_set(&[&key(1, NOW - 9, NOW + 10)]))]);
    let fixture = Fixture::configured(json!({ "default": realm }), &keys);
    fixture.register("app", |client| {
        client.scope = ScopeSet::parse("offline_access").unwrap();
        client.grant_types.push("refresh_token".into());
    });
    let authorization = basic("app", SECRET);
    let answer = fixture.send(&Request {
        authorization: Some(&authorization),
        ..post(
            "/realms/default/protocol/openid-connect/token",
            "grant_type=client_credentials",
        )
    });
    assert_eq!((answer.status(), fixture.store.acts()), (503, 0));
}
