//! The pages that people see when they cannot go on: readable, in light and dark, with what their
//! support needs; and the page at the root of a host.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};

use super::super::people::People;
use super::*;

const RAY: &str = "8f3a1b2c4d5e6f70-FRA";

fn get<'a>(path: &'a str, query: &'a str) -> Request<'a> {
    Request {
        method: "GET",
        path,
        query,
        ..Request::default()
    }
}

/// What is in the only element of that name.
fn element<'a>(page: &'a str, name: &str) -> &'a str {
    let (start, end) = (format!("<{name}>"), format!("</{name}>"));
    let mut parts = page.split(&start).skip(1);
    let inside = parts.next().expect(name).split(&end).next().unwrap();
    assert_eq!(parts.next(), None, "{name}");
    inside
}

/// Every page of the service, with the word of its error.
fn pages(people: &People, ray: Option<&str>) -> Vec<(u16, Option<&'static str>, Answer)> {
    let tokens = people.redeem(&people.code("app", "&scope=openid", json!({})), "");
    let hint = format!("id_token_hint={}", tokens.text("id_token"));
    let send = |request: Request<'_>| people.send(&Request { ray, ..request });
    let word = Some("invalid_request");
    let mut pages = vec![
        (
            400,
            Some("unauthorized_client"),
            send(get("/authorize", "client_id=nobody")),
        ),
        (405, word, send(post("/authorize/resume", ""))),
        (400, word, send(get("/authorize/resume", "decision=x"))),
        (400, word, send(get("/logout", "id_token_hint=x"))),
        (200, None, send(get("/logout", ""))),
        (200, None, send(get("/logout", &hint))),
    ];
    let store = &people.fixture.store;
    store.fail_acts(Some(StoreError::Timeout));
    let failed = send(get("/authorize", "response_type=code&client_id=app"));
    store.fail_acts(None);
    pages.push((503, Some("temporarily_unavailable"), failed));
    pages
}

#[test]
fn a_page_tells_the_word_and_the_ray_id() {
    let people = People::new();
    for (status, word, page) in pages(&people, Some(RAY)) {
        let body = &page.response.body;
        assert_eq!(page.status(), status, "{body}");
        let codes = body.split("<code>").skip(1);
        let codes = codes.map(|rest| rest.split("</code>").next().unwrap());
        let expected = word.map(|word| vec![word, "8f3a1b2c4d5e6f70"]);
        assert_eq!(codes.collect::<Vec<_>>(), expected.unwrap_or_default());
        if word.is_some() {
            // The line of the log that support looks for.
            assert_eq!(page.log()["ray_id"], "8f3a1b2c4d5e6f70");
        }
    }
}

#[test]
fn a_page_echoes_nothing_but_a_well_formed_ray_id() {
    let people = People::new();
    for ray in [
        "<script>alert(1)</script>",
        "8f3a1b2c4d5e6f70-<b>",
        "8f3a1b2c4d5e6f7<-FRA",
        "8f3a1b2c4d5e6f70",
        "8f3a1b2c4d5e6f7-FRA",
        "8f3a1b2c4d5e6f700-FRA",
        "8f3a1b2c4d5e6f70-fra",
        "8f3a1b2c4d5e6f70-FRAU",
        "",
    ] {
        for (_, _, page) in pages(&people, Some(ray)) {
            let body = &page.response.body;
            assert!(!body.contains("Ray ID"), "{ray}: {body}");
            assert!(ray.is_empty() || !body.contains(ray), "{ray}: {body}");
        }
    }
    let hostile = "response_type=code&client_id=%3Cb%3Eme%3C/b%3E&state=%22%3E%3Cimg&redirect_uri=//x.example";
    let page = people.authorize(hostile).response.body;
    for part in ["me", "<b>", "%3C", "img", "x.example"] {
        let shown = element(&page, "main");
        assert!(
            !shown.contains(&format!(">{part}")) && !shown.contains("x.example"),
            "{part}"
        );
    }
}

/// Its style is allowed by its hash (Content Security Policy Level 3 §6.7.3.3), and nothing else is.
#[test]
fn the_policy_allows_the_style_of_the_page_alone() {
    let people = People::new();
    let root = people.fixture.get("/");
    let pages = pages(&people, None).into_iter().map(|(_, _, page)| page);
    for page in pages.chain([root]) {
        let body = &page.response.body;
        let style = element(body, "style");
        let hash = STANDARD.encode(Sha256::digest(style));
        let policy = format!(
            "default-src 'none'; style-src 'sha256-{hash}'; base-uri 'none'; \
             frame-ancestors 'none'; form-action 'none'"
        );
        assert_eq!(page.header("content-security-policy"), Some(&*policy));
        for needed in [
            "<!doctype html>",
            "<html lang=\"en\">",
            "<meta charset=\"utf-8\">",
            "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">",
        ] {
            assert!(body.contains(needed), "{needed}: {body}");
        }
        assert_eq!(element(body, "title"), element(body, "h1"));
        assert!(style.contains("@media (prefers-color-scheme: dark)"));
        for hostile in ["<script", " style=", " onload=", "http:", "url(", "@import"] {
            assert!(!body.contains(hostile), "{hostile}");
        }
    }
}

#[test]
fn the_root_says_what_this_is_and_names_no_realm() {
    let realms = json!({
        "default": { "issuer": ISSUER },
        "tenant-7": { "issuer": "https://auth.example/realms/tenant-7", "iss": "urn:seven" },
    });
    let fixture = Fixture::configured(realms, &secrets());
    let root = fixture.get("/");
    assert_eq!(root.status(), 200);
    assert_eq!(
        root.header("content-type"),
        Some("text/html; charset=utf-8")
    );
    assert_eq!(
        element(&root.response.body, "h1"),
        "OAuth 2.0 token service"
    );
    for told in ["/.well-known/openid-configuration", "href=\"/health\""] {
        assert!(root.response.body.contains(told), "{told}");
    }
    for name in ["default", "tenant", "seven", "auth.example"] {
        assert!(
            !element(&root.response.body, "main").contains(name),
            "{name}"
        );
    }
    let head = fixture.send(&Request {
        method: "HEAD",
        ..get("/", "")
    });
    assert_eq!((head.status(), &*head.response.body), (200, ""));
    assert_eq!(head.response.headers, root.response.headers);
    for method in ["POST", "PUT", "DELETE", "OPTIONS"] {
        let answer = fixture.send(&Request {
            method,
            ..get("/", "")
        });
        assert_eq!(answer.error(), (405, "invalid_request".into()), "{method}");
        assert_eq!(answer.header("allow"), Some("GET, HEAD"));
    }
    assert!(root.log.is_none() && fixture.store.reads() == 0);
    for path in [
        "//",
        "/index.html",
        "/favicon.ico",
        "/realms",
        "/realms/default",
    ] {
        assert_eq!(
            fixture.get(path).error(),
            (404, "not_found".into()),
            "{path}"
        );
    }
}

#[test]
fn the_root_is_a_realms_that_has_it() {
    let realms = json!({
        "default": {
            "issuer": ISSUER, "hosts": ["auth.example"], "paths": { "jwks": "/" },
        },
        "other": {
            "issuer": "https://b.example/realms/other", "iss": "urn:other",
            "hosts": ["b.example"],
        },
    });
    let fixture = Fixture::configured(realms, &secrets());
    let at = |host| fixture.send_with(host, &get("/", ""), &|_| Ok(()));
    assert!(at("auth.example").json()["keys"].is_array());
    let page = at("b.example");
    assert_eq!(
        page.header("content-type"),
        Some("text/html; charset=utf-8")
    );
}

/// As long as there may be realms that are not known, the root could be one's.
#[test]
fn the_root_fails_closed() {
    let variables = [("REALMS", "{".to_owned())];
    let fixture = Fixture::with_variables(&variables, &secrets());
    assert_eq!(
        fixture.get("/").error(),
        (503, "temporarily_unavailable".into())
    );
}
