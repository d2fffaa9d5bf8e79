//! RFC 6749 §3.1 and §4.1.2.1, RFC 9126 §2.3, OpenID Connect Core §3.1.2.6: what browsers' endpoints tell
//! callers that nothing is known of, how much of them is stored, how often they may guess, and that each
//! error has its own words.

use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use edge_token::auth_method::AuthMethod;
use edge_token::store::Limiter;

use super::super::people::{Asked, CALLBACK, PKCE, People, VERIFIER, encoded, invalid_grant};
use super::*;

const PAGE: &str = "text/html; charset=utf-8";
const NO_CLIENT: &str = "The client is unknown, or may not use the authorization endpoint.";
const TOO_LARGE: &str = "A parameter is larger than 2 KiB.";

fn get<'a>(path: &'a str, query: &'a str) -> Request<'a> {
    Request {
        method: "GET",
        path,
        query,
        ..Request::default()
    }
}

/// People with clients that cannot use the authorization endpoint.
fn people() -> People {
    let people = People::new();
    people.register("disabled", |client| client.disabled = true);
    people.register("machine", |client| {
        client.grant_types = vec!["client_credentials".into()];
        client.redirect_uris.clear();
    });
    people.register("no-uri", |client| client.redirect_uris.clear());
    people.register("no-code", |client| {
        client.grant_types = vec!["client_credentials".into()];
    });
    people.register("two", |client| {
        client.redirect_uris.push("https://app.example/2".into());
    });
    people
}

impl People {
    fn push_as(&self, id: &str, form: &str) -> Answer {
        self.send(&Request {
            authorization: Some(&basic(id, SECRET)),
            ..post("/par", form)
        })
    }
}

// ---- Which clients exist -------------------------------------------------------------------------

#[test]
fn no_page_tells_which_client_ids_exist() {
    let people = people();
    let long = "a".repeat(256);
    let ids = [
        ("nobody", "unknown client"),
        ("a%00b", "unknown client"),
        ("%C3%A4", "unknown client"),
        ("client/default/app", "unknown client"),
        (&*long, "unknown client"),
        ("disabled", "client disabled"),
        ("machine", "the client has no redirect URIs"),
        ("no-uri", "the client has no redirect URIs"),
        (
            "no-code",
            "authorization code grant not registered for the client",
        ),
    ];
    let uri = encoded(CALLBACK);
    let forms = [
        "response_type=code".to_owned(),
        "response_type=code&redirect_uri=https%3A%2F%2Fevil.example%2F".to_owned(),
        format!("response_type=code&scope=openid&state=s&redirect_uri={uri}{PKCE}"),
        "request_uri=urn:ietf:params:oauth:request_uri:x".to_owned(),
        format!(
            "request_uri=urn:ietf:params:oauth:request_uri:{}",
            "A".repeat(64)
        ),
        "response_type=token".to_owned(),
    ];
    let expected = people.authorize("client_id=nobody").response;
    assert_eq!(expected.status, 400);
    assert!(expected.body.contains(NO_CLIENT), "{}", expected.body);
    assert!(expected.body.contains("<code>unauthorized_client</code>"));
    for (id, reason) in ids {
        for form in &forms {
            // Who knows the URI that is registered knows the client.
            if id == "no-code" && form.contains(&uri) {
                continue;
            }
            let query = format!("client_id={id}&{form}");
            for answer in [
                people.authorize(&query),
                people.send(&post("/authorize", &query)),
            ] {
                assert_eq!(answer.response.headers, expected.headers, "{query}");
                assert_eq!(answer.response.body, expected.body, "{query}");
                assert_eq!(answer.status(), 400);
                let reason = format!("authorization endpoint: {reason}");
                assert_eq!(answer.reason(), reason, "{query}");
            }
        }
    }
    assert_eq!(people.fixture.store.acts(), 0);
    // Pushed requests are those of clients that authenticate: here too nobody learns more.
    let expected = people.push_as("nobody", "response_type=code");
    assert_eq!(expected.error(), (401, "invalid_client".into()));
    for id in ["disabled", "a/b"] {
        let answer = people.push_as(id, "response_type=code");
        assert_eq!(answer.response, expected.response, "{id}");
    }
}

#[test]
fn whoever_guesses_at_client_ids_is_told_to_wait_and_nobody_else_is() {
    let people = people();
    people.fixture.store.limit(Limiter::Failure, Ok(4));
    let authorize = |query: &str, address| {
        people.send(&Request {
            client_address: Some(address),
            ..get("/authorize", query)
        })
    };
    // Each counts as the others do.
    for id in ["nobody", "disabled", "machine", "%ff0"] {
        let page = authorize(
            &format!("client_id={}", id.replace("%ff0", "%C3%A4")),
            "192.0.2.1",
        );
        assert_eq!(page.status(), 400, "{id}");
    }
    for id in ["nobody", "disabled", "machine", "%C3%A4"] {
        let page = authorize(&format!("client_id={id}"), "192.0.2.1");
        assert_eq!(page.status(), 429, "{id}");
        assert_eq!(page.header("content-type"), Some(PAGE));
        assert_eq!(page.header("retry-after"), Some("60"));
        assert!(!page.response.body.contains(NO_CLIENT));
        assert_eq!(
            authorize(&format!("client_id={id}"), "192.0.2.2").status(),
            400
        );
    }
    let good = authorize("client_id=app&response_type=code", "192.0.2.1");
    assert_eq!(good.status(), 303, "a good one from there goes on");
    let missing = authorize("response_type=code", "192.0.2.1");
    assert_eq!(missing.status(), 400, "what names none guesses at none");
}

/// A cached record refuses nobody, and the request that is decided again counts once.
#[test]
fn a_guess_counts_once_and_a_new_redirect_uri_is_good_at_once() {
    let people = people();
    people.fixture.store.remember();
    people.fixture.store.limit(Limiter::Failure, Ok(4));
    let authorize = || people.authorize("client_id=machine&response_type=code");
    for _ in 0..4 {
        assert_eq!(authorize().status(), 400);
    }
    assert_eq!(authorize().status(), 429);
    people.register("machine", |_| ());
    assert_eq!(authorize().status(), 303);
}

// ---- How much ------------------------------------------------------------------------------------

#[test]
fn what_is_stored_or_sent_back_has_2048_octets_at_most() {
    let people = People::new();
    let with = |name: &str, octets: usize| {
        let form = match name {
            "scope" | "redirect_uri" => "response_type=code&client_id=app".to_owned(),
            _ => format!(
                "response_type=code&client_id=app&scope=openid&redirect_uri={}",
                encoded(CALLBACK)
            ),
        };
        format!("{form}&{name}={}", "a".repeat(octets))
    };
    let names = [
        "state",
        "nonce",
        "login_hint",
        "acr_values",
        "prompt",
        "redirect_uri",
        "scope",
        "resource",
        "audience",
        "code_challenge",
        "code_challenge_method",
        "dpop_jkt",
        "max_age",
        "response_mode",
    ];
    for name in names {
        let families = people.fixture.store.families();
        let query = with(name, 2049);
        for page in [
            people.authorize(&query),
            people.send(&post("/authorize", &query)),
        ] {
            assert_eq!(page.status(), 400, "{name}");
            assert_eq!(page.header("content-type"), Some(PAGE));
            assert_eq!(page.header("location"), None);
            assert!(page.response.body.contains(TOO_LARGE), "{name}");
            assert!(page.response.body.len() < 4096, "nothing is repeated");
        }
        let pushed = people.push_as("app", &query);
        assert_eq!(pushed.error(), (400, "invalid_request".into()), "{name}");
        assert_eq!(pushed.text("error_description"), TOO_LARGE);
        assert_eq!(people.fixture.store.families(), families);
        let answer = people.authorize(&with(name, 2048));
        assert!(!answer.response.body.contains(TOO_LARGE), "{name}");
    }
    // The length counts that is stored, however it is written.
    let query = "response_type=code&client_id=app&state=";
    let fits = format!("{query}{}", "%C3%A4".repeat(1024));
    assert_eq!(people.authorize(&fits).status(), 303);
    let exceeds = format!("{query}{}", "%C3%A4".repeat(1025));
    assert_eq!(people.authorize(&exceeds).status(), 400);
    // What is ignored may be as large as it likes.
    let ignored = format!(
        "response_type=code&client_id=app&id_token_hint={0}&x={0}",
        "a".repeat(4000)
    );
    assert_eq!(people.authorize(&ignored).status(), 303);
    // But not all of it together.
    let query = format!(
        "response_type=code&client_id=app&x={}",
        "a".repeat(16 * 1024)
    );
    let page = people.authorize(&query);
    assert_eq!(
        (page.status(), page.header("content-type")),
        (400, Some(PAGE))
    );
    assert!(
        page.response
            .body
            .contains("The query is larger than 16 KiB.")
    );
}

#[test]
fn the_largest_good_request_gets_a_location_that_browsers_take() {
    let people = People::new();
    people.register("app", |client| {
        client.redirect_uris = vec![format!("https://app.example/{}", "a".repeat(2028))];
    });
    let value = "%01".repeat(2048);
    let query = format!("response_type=code&client_id=app&state={value}");
    let asked = Asked::read(&people.authorize(&query));
    people.accept(&asked, json!({}));
    let resumed = people.resume(&asked);
    assert_eq!(resumed.location("state").unwrap().len(), 2048);
    assert!(resumed.header("location").unwrap().len() < 9 * 1024);
    let refused = people.authorize(&query.replace("=code&", "=token&"));
    assert_eq!(refused.status(), 303);
    assert!(refused.header("location").unwrap().len() < 9 * 1024);
    // No larger one can be registered.
    let uri = format!("https://app.example/{}", "a".repeat(2029));
    assert!(!edge_token::uri::is_redirect_uri(&uri));
}

#[test]
fn a_request_names_20_resources_and_audiences_at_most() {
    let people = People::new();
    people.register("app", |client| {
        client.audience = (0..30).map(|index| format!("urn:{index}")).collect();
    });
    for parameter in ["resource", "audience"] {
        let query = |count: usize| {
            let targets = (0..count).map(|index| format!("&{parameter}=urn:{index}"));
            format!(
                "response_type=code&client_id=app{}",
                String::from_iter(targets)
            )
        };
        assert_eq!(people.authorize(&query(20)).status(), 303);
        assert_eq!(people.push_as("app", &query(20)).status(), 201);
        let page = people.authorize(&query(21));
        assert_eq!(
            (page.status(), page.header("content-type")),
            (400, Some(PAGE))
        );
        let pushed = people.push_as("app", &query(21));
        assert_eq!(pushed.error(), (400, "invalid_request".into()));
    }
    // The same one again is one more all the same: it has to be read.
    let query = format!(
        "response_type=code&client_id=app{}",
        "&resource=urn:1".repeat(21)
    );
    assert_eq!(people.authorize(&query).status(), 400);
}

#[test]
fn what_the_login_application_tells_is_bounded_in_all() {
    let people = People::new();
    let asked = people.ask("app", "&scope=openid");
    // As it is stored: `{"a":"…"}` has 8 octets more than the text.
    for (claims, status) in [
        (json!({ "a": "x".repeat(8 * 1024 - 7) }), 400),
        (json!({ "a": vec![0.5; 2048] }), 400),
        (json!({ "a": "x".repeat(255), "acr": null }), 400),
        (json!({ "a": "x".repeat(8 * 1024 - 8) }), 200),
    ] {
        let answer = people.accept(&asked, json!({ "claims": claims }));
        assert_eq!(answer.status(), status, "{}", answer.response.body);
    }
    for more in [
        json!({ "acr": "x".repeat(256) }),
        json!({ "scope": "x".repeat(20_000) }),
    ] {
        let answer = people.accept(&people.ask("app", ""), more);
        assert!([400, 413].contains(&answer.status()));
    }
}

#[test]
fn signing_out_carries_no_more_either() {
    let people = People::new();
    let tokens = people.redeem(&people.code("app", "&scope=openid", json!({})), "");
    let bye = encoded("https://app.example/bye");
    let hint = tokens.text("id_token");
    let query = format!("id_token_hint={hint}&post_logout_redirect_uri={bye}&state=");
    let page = people.send(&get("/logout", &format!("{query}{}", "a".repeat(2049))));
    assert_eq!(page.status(), 400);
    assert!(page.response.body.contains(TOO_LARGE));
    assert_eq!(people.userinfo(&tokens.text("access_token")).status(), 200);
    let answer = people.send(&get("/logout", &format!("{query}{}", "a".repeat(2048))));
    assert_eq!(answer.status(), 303);
}

// ---- How often -----------------------------------------------------------------------------------

/// The text with the same family and another secret after it.
fn guess(text: &str, octet: u8) -> String {
    let mut octets = URL_SAFE_NO_PAD.decode(text).unwrap();
    octets[16..].fill(octet.wrapping_add(150));
    URL_SAFE_NO_PAD.encode(octets)
}

/// Guesses until the limit of 5, and beyond it without a further act; others go on.
fn assert_bounded(people: &People, what: &str, guess: &dyn Fn(u8, &str) -> Answer, refused: u16) {
    people.fixture.store.limit(Limiter::Failure, Ok(5));
    for octet in 0..5 {
        let answer = guess(octet, "192.0.2.1");
        assert_eq!(answer.status(), refused, "{what}: {}", answer.response.body);
    }
    let acts = people.fixture.store.acts();
    for octet in 5..50 {
        let answer = guess(octet, "192.0.2.1");
        assert_eq!(answer.status(), 429, "{what}");
        assert_eq!(answer.header("retry-after"), Some("60"));
        assert_eq!(
            answer.reason(),
            "over the address's limit of requests about one sign-in"
        );
    }
    assert_eq!(
        people.fixture.store.acts(),
        acts,
        "{what}: no object is asked"
    );
    assert_eq!(guess(50, "192.0.2.2").status(), refused, "{what}");
    // A whole sign-in behind the same address.
    let from = |request: &Request<'_>| {
        people.send(&Request {
            client_address: Some("192.0.2.1"),
            ..*request
        })
    };
    let asked = Asked::read(&from(&get(
        "/authorize",
        "client_id=app&response_type=code",
    )));
    people.accept(&asked, json!({}));
    let query = format!("decision={}", people.decision(&asked));
    let resumed = from(&Request {
        cookie: Some(&asked.cookie),
        ..get("/authorize/resume", &query)
    });
    assert_eq!(resumed.status(), 303, "{what}");
    assert!(resumed.location("code").is_some());
}

#[test]
fn nobody_guesses_often_at_what_a_browser_comes_back_with() {
    for has_decision in [false, true] {
        let people = People::new();
        let asked = people.ask("app", "");
        people.accept(&asked, json!({}));
        let decision = people.decision(&asked);
        let resume = |octet: u8, address: &str| {
            let (decision, cookie) = match has_decision {
                false => (guess(&decision, octet), asked.cookie.clone()),
                true => {
                    let (name, _) = asked.cookie.split_once('=').unwrap();
                    let value = URL_SAFE_NO_PAD.encode([octet.wrapping_add(150); 32]);
                    (decision.clone(), format!("{name}={value}"))
                }
            };
            people.send(&Request {
                cookie: Some(&cookie),
                client_address: Some(address),
                ..get("/authorize/resume", &format!("decision={decision}"))
            })
        };
        assert_bounded(&people, "resume", &resume, 400);
        assert_eq!(people.resume(&asked).status(), 303, "who began goes on");
    }
}

#[test]
fn nobody_guesses_often_at_request_uris() {
    let people = People::new();
    let pushed = people.push_as("app", "response_type=code");
    let request_uri = pushed.text("request_uri");
    let (prefix, handle) = request_uri.rsplit_once(':').unwrap();
    let authorize = |octet: u8, address: &str| {
        let query = format!(
            "client_id=app&request_uri={prefix}:{}",
            guess(handle, octet)
        );
        people.send(&Request {
            client_address: Some(address),
            ..get("/authorize", &query)
        })
    };
    assert_bounded(&people, "request_uri", &authorize, 400);
    let good = people.authorize(&format!("client_id=app&request_uri={request_uri}"));
    assert_eq!(good.status(), 303);
}

#[test]
fn nobody_ends_a_family_often() {
    let people = People::new();
    let tokens = people.redeem(&people.code("app", "&scope=openid", json!({})), "");
    let query = format!("id_token_hint={}", tokens.text("id_token"));
    let end = |_: u8, address: &str| {
        people.send(&Request {
            client_address: Some(address),
            ..get("/logout", &query)
        })
    };
    assert_bounded(&people, "end session", &end, 200);
}

#[test]
fn nobody_guesses_often_at_the_refresh_tokens_of_public_clients() {
    for path in ["/logout", "/revoke"] {
        let people = People::new();
        let code = people.code("spa", PKCE, json!({}));
        let uri = encoded(CALLBACK);
        let form = format!(
            "grant_type=authorization_code&client_id=spa&code={code}&redirect_uri={uri}&code_verifier={VERIFIER}"
        );
        let refresh_token = people.token("spa", &form).text("refresh_token");
        let name = if path == "/logout" {
            "refresh_token"
        } else {
            "token"
        };
        let revoke = |octet: u8, address: &str| {
            let form = format!("client_id=spa&{name}={}", guess(&refresh_token, octet));
            people.send(&Request {
                client_address: Some(address),
                ..post(path, &form)
            })
        };
        let expected = if path == "/logout" { 204 } else { 200 };
        assert_bounded(&people, path, &revoke, expected);
    }
}

/// Spread over many families, guesses are told to wait by their address; good ones go on.
#[test]
fn guesses_at_many_families_count_by_address() {
    let people = People::new();
    people.fixture.store.limit(Limiter::Failure, Ok(3));
    let resume = |asked: &Asked, decision: &str| {
        let query = format!("decision={decision}");
        people.send(&Request {
            cookie: Some(&asked.cookie),
            client_address: Some("192.0.2.1"),
            ..get("/authorize/resume", &query)
        })
    };
    for index in 0..6 {
        let asked = people.ask("app", "");
        people.accept(&asked, json!({}));
        let decision = people.decision(&asked);
        let answer = resume(&asked, &guess(&decision, 9));
        assert_eq!(answer.status(), if index < 3 { 400 } else { 429 });
        assert_eq!(resume(&asked, &decision).status(), 303, "{index}");
    }
}

#[test]
fn a_login_application_has_to_show_that_it_is_one() {
    let people = People::with(json!({ "login_clients": ["login", "open"] }));
    people.register("open", |client| {
        client.secrets.clear();
        client.token_endpoint_auth_method = AuthMethod::None;
    });
    let asked = people.ask("app", "");
    let body = json!({ "ticket": asked.ticket, "sub": "1302", "client_id": "open" }).to_string();
    for authorization in [None, Some(basic("open", ""))] {
        let answer = people.send(&Request {
            authorization: authorization.as_deref(),
            content_type: Some("application/json"),
            ..post("/authorize/accept", &body)
        });
        assert_eq!(answer.error(), (401, "invalid_client".into()));
    }
}

// ---- The words -----------------------------------------------------------------------------------

#[test]
fn max_age_is_a_number_in_digits() {
    let people = People::new();
    for (max_age, status) in [
        ("0", 201),
        ("5", 201),
        ("007", 201),
        ("4294967295", 201),
        ("%2B5", 400),
        ("-5", 400),
        ("-0", 400),
        ("+5", 400),
        ("5+", 400),
        ("5.0", 400),
        ("5s", 400),
        ("1e3", 400),
        ("0x5", 400),
        ("1_000", 400),
        ("%D9%A5", 400),
        ("4294967296", 400),
        ("99999999999999999999999", 400),
    ] {
        let form = format!("response_type=code&max_age={max_age}");
        let pushed = people.push_as("app", &form);
        assert_eq!(pushed.status(), status, "{max_age}");
        if status == 400 {
            let description = pushed.text("error_description");
            assert_eq!(description, "The max_age must be a number of seconds.");
            let uri = encoded(CALLBACK);
            let answer = people.authorize(&format!("client_id=app&redirect_uri={uri}&{form}"));
            assert_eq!(answer.location("error").as_deref(), Some("invalid_request"));
        }
    }
}

/// Of what a client may be told at its redirect URI: parameters, word, description.
const TOLD_TO_CLIENTS: [(&str, &str, &str, &str); 17] = [
    (
        "app",
        "",
        "invalid_request",
        "The parameter response_type is missing.",
    ),
    (
        "app",
        "response_type=token",
        "unsupported_response_type",
        "The response_type must be code.",
    ),
    (
        "app",
        "response_type=code+token",
        "unsupported_response_type",
        "The response_type must be code.",
    ),
    (
        "app",
        "response_type=code&response_mode=x",
        "invalid_request",
        "The response_mode must be query or form_post.",
    ),
    (
        "app",
        "response_type=code&request=e30",
        "request_not_supported",
        "The parameter request is not supported.",
    ),
    (
        "app",
        "response_type=code&code_challenge=x",
        "invalid_request",
        "The code_challenge_method must be S256.",
    ),
    (
        "app",
        "response_type=code&code_challenge=x&code_challenge_method=S256",
        "invalid_request",
        "The code_challenge is malformed.",
    ),
    (
        "spa",
        "response_type=code",
        "invalid_request",
        "The client must send a code_challenge.",
    ),
    (
        "app",
        "response_type=code&prompt=none+login",
        "invalid_request",
        "The prompt none stands alone.",
    ),
    (
        "app",
        "response_type=code&max_age=x",
        "invalid_request",
        "The max_age must be a number of seconds.",
    ),
    (
        "app",
        "response_type=code&dpop_jkt=x",
        "invalid_request",
        "The dpop_jkt is malformed.",
    ),
    (
        "app",
        "response_type=code&scope=a++b",
        "invalid_scope",
        "The scope is malformed.",
    ),
    (
        "app",
        "response_type=code&scope=other",
        "invalid_scope",
        "The scope exceeds what the client may ask for.",
    ),
    (
        "app",
        "response_type=code&resource=urn:x",
        "invalid_target",
        "The client may not ask for this resource or audience.",
    ),
    (
        "app",
        "response_type=code&audience=urn:x",
        "invalid_target",
        "The client may not ask for this resource or audience.",
    ),
    (
        "no-code",
        "response_type=code",
        "unauthorized_client",
        "The client may not ask for authorization codes.",
    ),
    (
        "no-code",
        "",
        "unauthorized_client",
        "The client may not ask for authorization codes.",
    ),
];

#[test]
fn each_error_of_a_request_has_its_word_and_text_by_redirect_and_when_it_is_pushed() {
    let people = people();
    let uri = encoded(CALLBACK);
    for (client, form, word, description) in TOLD_TO_CLIENTS {
        let form = format!("client_id={client}&redirect_uri={uri}&state=s&{form}");
        let answer = people.authorize(&form);
        assert_eq!(answer.status(), 303, "{form}");
        assert_eq!(answer.location("error").as_deref(), Some(word), "{form}");
        let told = answer.location("error_description").unwrap();
        assert_eq!(told, description);
        // RFC 6749 appendix A.8: %x20-21 / %x23-5B / %x5D-7E.
        assert!(
            told.bytes()
                .all(|b| (b' '..=b'~').contains(&b) && b != b'"' && b != b'\\')
        );
        assert_eq!(answer.location("state").as_deref(), Some("s"));
        assert_eq!(answer.location("iss").as_deref(), Some(ISSUER));
        // RFC 9126 §2.3: the same words in JSON.
        let pushed = match client {
            "spa" => people.send(&post("/par", &form)),
            _ => people.push_as(client, &form),
        };
        assert_eq!(pushed.error(), (400, word.to_owned()), "{form}");
        assert_eq!(pushed.text("error_description"), description);
        assert_eq!(pushed.header("location"), None);
    }
    let foreign = format!("client_id=app&redirect_uri={uri}&response_type=code&request_uri=urn:x");
    let answer = people.authorize(&foreign);
    assert_eq!(
        answer.location("error").as_deref(),
        Some("request_uri_not_supported")
    );
    let description = answer.location("error_description");
    assert_eq!(
        description.as_deref(),
        Some("The request_uri must come from a pushed request.")
    );
    for (form, description) in [
        (&*foreign, "A pushed request has no request_uri."),
        (
            "response_type=code&redirect_uri=https%3A%2F%2Fevil.example",
            "The redirect_uri is not registered for the client.",
        ),
    ] {
        let pushed = people.push_as("app", form);
        assert_eq!(pushed.error(), (400, "invalid_request".into()));
        assert_eq!(pushed.text("error_description"), description);
    }
    let pushed = people.push_as("two", "response_type=code");
    assert_eq!(pushed.error(), (400, "invalid_request".into()));
    let description = "The redirect_uri is missing, and the client has several.";
    assert_eq!(pushed.text("error_description"), description);
    assert_eq!(people.fixture.store.families(), 0);
}

#[test]
fn each_page_has_its_own_text() {
    let mut people = people();
    let tokens = people.redeem(&people.code("app", "&scope=openid", json!({})), "");
    let hint = tokens.text("id_token");
    let pushed = people
        .push_as("app", "response_type=code")
        .text("request_uri");
    let used = people
        .push_as("app", "response_type=code")
        .text("request_uri");
    let visitor = Asked::read(&people.authorize(&format!("client_id=app&request_uri={used}")));
    people.accept(&visitor, json!({}));
    let late = people.ask("app", "");
    people.accept(&late, json!({}));
    let asked = people.ask("app", "");
    people.accept(&asked, json!({}));
    let decision = people.decision(&asked);
    let evil = encoded("https://evil.example/");
    let unknown_uri = format!("urn:ietf:params:oauth:request_uri:{}", "A".repeat(64));
    let no_request = "The request_uri is unknown, was used or has expired.";
    let no_sign_in = "The sign-in is unknown or has expired.";
    let other_browser = "The sign-in began in another browser, or this one keeps no cookies.";
    let not_registered = "The redirect_uri is not registered for the client.";
    let no_hint = "The id_token_hint is not valid.";
    for (path, query, description) in [
        (
            "/authorize",
            String::new(),
            "The parameter client_id is missing.",
        ),
        (
            "/authorize",
            "client_id=".into(),
            "The parameter client_id is missing.",
        ),
        ("/authorize", "client_id=nobody".into(), NO_CLIENT),
        (
            "/authorize",
            "client_id=app&a=%zz".into(),
            "A parameter is not percent-encoded UTF-8.",
        ),
        (
            "/authorize",
            "client_id=app&client_id=app".into(),
            "A parameter stands more than once.",
        ),
        (
            "/authorize",
            format!("client_id=app{}", "&a=1".repeat(100)),
            "A parameter stands more than once.",
        ),
        (
            "/authorize",
            format!("client_id=app{}", "&a=".repeat(100)),
            "The request has too many parameters.",
        ),
        (
            "/authorize",
            format!("client_id=app&response_type=code&redirect_uri={evil}"),
            not_registered,
        ),
        (
            "/authorize",
            "client_id=two&response_type=code".into(),
            "The redirect_uri is missing, and the client has several.",
        ),
        (
            "/authorize",
            format!("client_id=two&request_uri={pushed}"),
            no_request,
        ),
        (
            "/authorize",
            format!("client_id=app&request_uri={used}"),
            no_request,
        ),
        (
            "/authorize",
            format!("client_id=app&request_uri={unknown_uri}"),
            no_request,
        ),
        ("/authorize/resume", String::new(), no_sign_in),
        ("/authorize/resume", "decision=x".into(), no_sign_in),
        (
            "/authorize/resume",
            format!("decision={decision}"),
            other_browser,
        ),
        (
            "/authorize/resume",
            format!("decision={}", guess(&decision, 7)),
            other_browser,
        ),
        ("/logout", "id_token_hint=x".into(), no_hint),
        (
            "/logout",
            format!("id_token_hint={hint}&client_id=spa"),
            "The client_id is not the client of the id_token_hint.",
        ),
        (
            "/logout",
            format!("id_token_hint={hint}&post_logout_redirect_uri={evil}"),
            "The post_logout_redirect_uri is not registered for the client.",
        ),
    ] {
        let page = people.send(&get(path, &query));
        assert_eq!(page.status(), 400, "{path}?{query}");
        assert_eq!(page.header("content-type"), Some(PAGE));
        let body = &page.response.body;
        assert!(
            body.contains(&format!("<p>{description} ")),
            "{path}?{query}: {body}"
        );
        let word = match description {
            NO_CLIENT => "unauthorized_client",
            _ if description == no_request => "invalid_request_uri",
            _ => "invalid_request",
        };
        assert!(body.contains(&format!("<code>{word}</code>")), "{body}");
    }
    let resume = |people: &People, asked: &Asked, decision: &str| {
        people
            .resume_with(decision, Some(&asked.cookie))
            .response
            .body
    };
    assert!(resume(&people, &asked, &guess(&decision, 7)).contains(no_sign_in));
    people.later(30 * 60);
    let decision = people.decision(&late);
    assert!(resume(&people, &late, &decision).contains(no_sign_in));
    let page = people.authorize(&format!("client_id=app&request_uri={pushed}"));
    assert!(page.response.body.contains(no_request));
}

#[test]
fn the_login_application_is_told_what_is_wrong_with_a_ticket() {
    let people = People::new();
    let asked = people.ask("app", "&scope=openid&max_age=100");
    let over = "The code, ticket or token is not valid.";
    let auth_time = "The auth_time is missing, in the future, or longer ago than max_age.";
    let scope = "The scope exceeds what was granted or asked for.";
    for (more, word, description) in [
        (json!({ "ticket": "x" }), "invalid_grant", over),
        (
            json!({ "ticket": guess(&asked.ticket, 7) }),
            "invalid_grant",
            over,
        ),
        (json!({}), "invalid_request", auth_time),
        (
            json!({ "auth_time": NOW + 61 }),
            "invalid_request",
            auth_time,
        ),
        (
            json!({ "auth_time": NOW, "scope": "read" }),
            "invalid_scope",
            scope,
        ),
    ] {
        let answer = people.accept(&asked, more.clone());
        assert_eq!(answer.error(), (400, word.into()), "{more}");
        assert_eq!(answer.text("error_description"), description);
    }
    let accept = people.accept(&asked, json!({ "auth_time": NOW }));
    assert_eq!(accept.status(), 200);
    let reject = json!({ "ticket": asked.ticket, "error": "access_denied" });
    assert_eq!(
        people.login("/authorize/reject", &reject).error(),
        invalid_grant()
    );
}
