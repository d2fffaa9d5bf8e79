//! OAuth 2.0 Form Post Response Mode: the answer comes in a form that the browser posts to the client.

use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};

use super::*;

const FORM_POST: &str = "&response_mode=form_post";

/// What a page's form has: where it goes, and its fields.
fn form(answer: &Answer) -> (String, Vec<(String, String)>) {
    assert_eq!(answer.status(), 200, "{}", answer.response.body);
    assert_eq!(answer.header("location"), None);
    let body = &answer.response.body;
    let quoted = |text: &str, name: &str| {
        let (_, rest) = text.split_once(&format!("{name}=\"")).expect(name);
        unescaped(rest.split_once('"').unwrap().0)
    };
    let (_, form) = body.split_once("<form method=\"post\" ").expect("a form");
    let (form, after) = form.split_once("</form>").unwrap();
    assert!(!after.contains("<form"), "{body}");
    let fields = form.split("<input type=\"hidden\" ").skip(1);
    let fields = fields.map(|field| (quoted(field, "name"), quoted(field, "value")));
    assert!(
        form.contains("<button>Continue</button>"),
        "without scripts"
    );
    (quoted(form, "action"), fields.collect())
}

fn unescaped(text: &str) -> String {
    for raw in ['<', '>', '\''] {
        assert!(!text.contains(raw), "{text}");
    }
    let text = text.replace("&lt;", "<").replace("&gt;", ">");
    let text = text.replace("&quot;", "\"").replace("&#39;", "'");
    let escapes = text.matches("&amp;").count();
    assert_eq!(text.matches('&').count(), escapes, "{text}");
    text.replace("&amp;", "&")
}

fn field<'a>(fields: &'a [(String, String)], name: &str) -> &'a str {
    let mut named = fields.iter().filter(|(known, _)| known == name);
    let (_, value) = named.next().expect(name);
    assert!(named.next().is_none(), "{name} twice");
    value
}

fn names(fields: &[(String, String)]) -> Vec<&str> {
    fields.iter().map(|(name, _)| name.as_str()).collect()
}

/// Sends a browser with a request of `app`, changed by what comes after it.
fn authorize(people: &People, more: &str) -> Answer {
    people.authorize(&format!(
        "response_type=code&client_id=app&redirect_uri={}{more}",
        encoded(CALLBACK)
    ))
}

#[test]
fn a_code_comes_in_a_form_that_posts_itself() {
    let people = People::new();
    let asked = people.ask("app", &format!("&scope=openid{FORM_POST}"));
    assert_eq!(people.accept(&asked, json!({})).status(), 200);
    let answer = people.resume(&asked);
    let (action, fields) = form(&answer);
    assert_eq!(action, CALLBACK);
    assert_eq!(names(&fields), ["code", "state", "iss"]);
    assert_eq!(field(&fields, "state"), "s&t");
    assert_eq!(field(&fields, "iss"), ISSUER);
    // The browser's cookie ends as with a redirect, and the same answer comes again.
    assert!(
        answer
            .header("set-cookie")
            .unwrap()
            .contains("=; Path=/; Max-Age=0;")
    );
    assert_eq!(form(&people.resume(&asked)).1, fields);
    let tokens = people.redeem(field(&fields, "code"), "");
    assert_eq!(tokens.status(), 200, "{}", tokens.reason());
    // Headers of a page with a secret in it.
    for (name, value) in [
        ("content-type", "text/html; charset=utf-8"),
        ("cache-control", "no-store"),
        ("referrer-policy", "no-referrer"),
        ("x-content-type-options", "nosniff"),
    ] {
        assert_eq!(answer.header(name), Some(value));
    }
    let policy = answer.header("content-security-policy").unwrap();
    assert!(policy.starts_with("default-src 'none'; "), "{policy}");
    assert!(policy.contains("frame-ancestors 'none'"), "{policy}");
    // Browsers would apply it to the redirects after the form.
    assert!(!policy.contains("form-action"), "{policy}");
    let body = &answer.response.body;
    let (_, script) = body.split_once("<script>").unwrap();
    let (script, rest) = script.split_once("</script>").unwrap();
    assert!(!rest.contains("<script"), "one script");
    let hash = STANDARD.encode(Sha256::digest(script));
    assert!(
        policy.contains(&format!("script-src 'sha256-{hash}'")),
        "{policy}"
    );
    for unsafe_word in ["unsafe", "http:", "https:", "*", "data:"] {
        assert!(!policy.contains(unsafe_word), "{policy}");
    }
}

#[test]
fn a_pushed_request_can_ask_for_it() {
    let people = People::new();
    let pushed = people.push("app", &format!("&scope=openid{PKCE}{FORM_POST}"));
    assert_eq!(pushed.status(), 201, "{}", pushed.reason());
    let asked = Asked::read(&people.visit("app", &pushed, None));
    assert_eq!(people.accept(&asked, json!({})).status(), 200);
    let (_, fields) = form(&people.resume(&asked));
    let tokens = people.redeem(
        field(&fields, "code"),
        &format!("&code_verifier={VERIFIER}"),
    );
    assert_eq!(tokens.status(), 200);
    // What stands beside the URI counts for nothing.
    let pushed = people.push("app", PKCE);
    let uri = encoded(&pushed.text("request_uri"));
    let asked = people.authorize(&format!("client_id=app&request_uri={uri}{FORM_POST}"));
    let asked = Asked::read(&asked);
    assert_eq!(people.accept(&asked, json!({})).status(), 200);
    assert_eq!(people.resume(&asked).status(), 303);
}

#[test]
fn errors_come_the_same_way() {
    let people = People::new();
    for (more, error) in [
        ("&max_age=x", "invalid_request"),
        ("&scope=admin", "invalid_scope"),
        ("&request=x", "request_not_supported"),
        ("&resource=urn%3Anone", "invalid_target"),
    ] {
        let answer = authorize(&people, &format!("&state=s%22%3E{more}{FORM_POST}"));
        let (action, fields) = form(&answer);
        assert_eq!(action, CALLBACK);
        assert_eq!(
            names(&fields),
            ["error", "error_description", "state", "iss"]
        );
        assert_eq!(field(&fields, "error"), error);
        assert_eq!(field(&fields, "state"), "s\">");
        assert_eq!(field(&fields, "iss"), ISSUER);
        assert_eq!(answer.log()["outcome"], "refused");
        // As a form too.
        let uri = encoded(CALLBACK);
        let body = format!("response_type=code&client_id=app&redirect_uri={uri}{more}{FORM_POST}");
        let (_, fields) = form(&people.send(&post("/authorize", &body)));
        assert_eq!(names(&fields), ["error", "error_description", "iss"]);
    }
    // The login application's too.
    for error in ["login_required", "access_denied"] {
        let asked = people.ask("app", &format!("&prompt=none{FORM_POST}"));
        let body = json!({ "ticket": asked.ticket, "error": error });
        assert_eq!(people.login("/authorize/reject", &body).status(), 200);
        let (_, fields) = form(&people.resume(&asked));
        assert_eq!(names(&fields), ["error", "state", "iss"]);
        assert_eq!(field(&fields, "error"), error);
    }
}

#[test]
fn nothing_in_a_form_gets_out_of_its_quotes() {
    let people = People::new();
    let uri = "https://app.example/cb?a='x'&b=&amp;&c=%22%3E";
    people.register("app", |client| client.redirect_uris = vec![uri.into()]);
    for state in [
        "\"><script>alert(1)</script>",
        "' onfocus='x",
        "&quot;&#39;&lt;",
        "a\nb\r\tc",
        "ä€😀\u{202e}\u{0}",
        "</form></script>",
    ] {
        let query = format!(
            "response_type=code&client_id=app&redirect_uri={}&state={}{FORM_POST}",
            encoded(uri),
            encoded(state)
        );
        let asked = Asked::read(&people.authorize(&query));
        assert_eq!(people.accept(&asked, json!({})).status(), 200);
        let answer = people.resume(&asked);
        let (action, fields) = form(&answer);
        assert_eq!((&*action, field(&fields, "state")), (uri, state));
        let scripts = answer.response.body.matches("<script").count();
        assert_eq!(scripts, 1, "{state}");
    }
}

#[test]
fn only_a_uri_of_the_web_can_be_posted_to() {
    let people = People::new();
    let uris = [
        "com.example.app:/cb",
        "https.example:/cb",
        "http.example:/cb",
    ];
    let loopback = "http://127.0.0.1:8000/cb";
    people.register("app", |client| {
        client.redirect_uris = uris.map(str::to_owned).to_vec();
        client.redirect_uris.push(loopback.into());
    });
    for uri in uris {
        let query = format!(
            "response_type=code&client_id=app&state=s1&redirect_uri={}{FORM_POST}",
            encoded(uri)
        );
        let answer = people.authorize(&query);
        assert_eq!(answer.status(), 303, "{uri}");
        let location = answer.header("location").unwrap();
        assert!(location.starts_with(uri), "{location}");
        assert_eq!(answer.location("error").unwrap(), "invalid_request");
        assert_eq!(
            answer.location("error_description").unwrap(),
            "The response_mode form_post needs a redirect_uri of https or http."
        );
        assert_eq!(answer.location("state").unwrap(), "s1");
        let pushed = people.send(&Request {
            authorization: Some(&basic("app", SECRET)),
            ..post("/par", &query)
        });
        assert_eq!(pushed.error(), invalid_request());
    }
    let query = format!(
        "response_type=code&client_id=app&redirect_uri={}{FORM_POST}",
        encoded(loopback)
    );
    let asked = Asked::read(&people.authorize(&query));
    assert_eq!(people.accept(&asked, json!({})).status(), 200);
    assert_eq!(form(&people.resume(&asked)).0, loopback);
}

#[test]
fn query_is_the_default_and_other_modes_are_refused() {
    let people = People::new();
    for mode in ["&response_mode=query", "&response_mode=", ""] {
        let asked = people.ask("app", mode);
        assert_eq!(people.accept(&asked, json!({})).status(), 200);
        assert!(people.resume(&asked).location("code").is_some());
    }
    for mode in [
        "fragment",
        "form_post.jwt",
        "query.jwt",
        "jwt",
        "web_message",
        "FORM_POST",
        "form_post query",
    ] {
        let answer = authorize(&people, &format!("&response_mode={}", encoded(mode)));
        assert_eq!(answer.status(), 303, "{mode}");
        assert_eq!(answer.location("error").unwrap(), "invalid_request");
        assert_eq!(
            answer.location("error_description").unwrap(),
            "The response_mode must be query or form_post."
        );
    }
    let metadata = people.send(&Request {
        method: "GET",
        path: "/.well-known/openid-configuration",
        ..Request::default()
    });
    assert_eq!(
        metadata.json()["response_modes_supported"],
        json!(["query", "form_post"])
    );
}

#[test]
fn what_may_not_be_redirected_is_not_posted_either() {
    let people = People::new();
    for query in [
        format!("client_id=app&redirect_uri=https%3A%2F%2Fevil.example{FORM_POST}"),
        format!("client_id=nobody{FORM_POST}"),
        format!("client_id=app&scope=openid{FORM_POST}"),
    ] {
        let answer = people.authorize(&format!("response_type=code&{query}"));
        assert_eq!(answer.status(), 400, "{query}");
        assert!(!answer.response.body.contains("<form"), "{query}");
    }
}
