//! RFC 9700, where it speaks of browsers: pages, redirects, CORS and tokens in URLs.

use super::*;

fn get<'a>(path: &'a str, query: &'a str) -> Request<'a> {
    Request {
        method: "GET",
        path,
        query,
        ..Request::default()
    }
}

/// §4.2.4, §4.16: a policy that allows nothing also has to name `frame-ancestors`, for which
/// `default-src` does not stand.
#[test]
fn a_page_loads_nothing_and_cannot_be_framed() {
    let people = People::new();
    let tokens = people.redeem(&people.code("app", "&scope=openid", json!({})), "");
    let hint = format!("id_token_hint={}", tokens.text("id_token"));
    let mut pages = vec![
        (400, people.authorize("client_id=nobody")),
        (405, people.send(&post("/authorize/resume", ""))),
        (400, people.send(&get("/authorize/resume", "decision=x"))),
        (400, people.send(&get("/logout", "id_token_hint=x"))),
        (200, people.send(&get("/logout", ""))),
        (200, people.send(&get("/logout", &hint))),
    ];
    people.fixture.store.fail_acts(Some(StoreError::Timeout));
    pages.push((503, people.authorize("response_type=code&client_id=app")));
    for (status, page) in pages {
        assert_eq!(page.status(), status, "{}", page.response.body);
        let policy = page.header("content-security-policy").unwrap();
        assert!(
            policy.starts_with("default-src 'none'; style-src 'sha256-"),
            "{policy}"
        );
        assert!(policy.contains("; frame-ancestors 'none'; "), "{policy}");
        assert_eq!(page.header("referrer-policy"), Some("no-referrer"));
        assert_eq!(page.header("cache-control"), Some("no-store"));
        for loaded in ["<script", "<img", "<link", "<iframe", "src=", "href="] {
            assert!(!page.response.body.contains(loaded), "{loaded}");
        }
    }
}

/// §4.12: a 307 would make the browser send a form on, with what is in it. §4.2.4: the next page
/// should not learn where the browser came from.
#[test]
fn every_redirect_is_a_303_that_refers_to_nobody() {
    let people = People::new();
    let good = "response_type=code&client_id=app";
    let uri = encoded(CALLBACK);
    let bad = format!("response_type=token&client_id=app&redirect_uri={uri}");
    let tokens = people.redeem(&people.code("app", "&scope=openid", json!({})), "");
    let bye = encoded("https://app.example/bye");
    let hint = tokens.text("id_token");
    let end = format!("id_token_hint={hint}&post_logout_redirect_uri={bye}");
    let asked = people.ask("app", "");
    people.accept(&asked, json!({}));
    for answer in [
        people.authorize(good),
        people.send(&post("/authorize", good)),
        people.authorize(&bad),
        people.send(&post("/authorize", &bad)),
        people.resume(&asked),
        people.send(&get("/logout", &end)),
        people.send(&post("/logout", &end)),
    ] {
        assert_eq!(answer.status(), 303, "{}", answer.response.body);
        assert!(answer.header("location").is_some());
        assert_eq!(answer.header("referrer-policy"), Some("no-referrer"));
        assert_eq!(answer.header("cache-control"), Some("no-store"));
    }
}

/// §2.6: the authorization endpoint is for browsers to go to, not for scripts to read.
#[test]
fn no_endpoint_for_browsers_has_cors() {
    let people = People::with(json!({ "allowed_origins": ["*"] }));
    let browsers = ["/authorize", "/authorize/resume", "/logout"];
    let servers = [
        "/authorize/ticket",
        "/authorize/accept",
        "/authorize/reject",
    ];
    for path in browsers.into_iter().chain(servers) {
        for method in ["GET", "POST", "OPTIONS"] {
            let answer = people.send(&Request {
                method,
                path,
                query: "response_type=code&client_id=app",
                origin: Some("https://spa.example"),
                ..Request::default()
            });
            assert_ne!(answer.status(), 204, "{method} {path}");
            for (name, _) in &answer.response.headers {
                assert!(!name.starts_with("access-control-"), "{method} {path}");
            }
        }
    }
}

/// §4.3.2, RFC 6750 §2: of the three ways to send an access token only the header is read.
#[test]
fn an_access_token_in_the_query_or_the_body_is_not_read() {
    let people = People::new();
    let tokens = people.redeem(&people.code("app", "&scope=openid", json!({})), "");
    let token = tokens.text("access_token");
    let form = format!("access_token={token}");
    for request in [get("/userinfo", &form), post("/userinfo", &form)] {
        let answer = people.send(&request);
        assert_eq!(answer.error(), (401, "invalid_token".into()));
        assert_eq!(
            answer.header("www-authenticate"),
            Some("Bearer realm=\"default\"")
        );
    }
    assert_eq!(people.userinfo(&token).status(), 200);
}
