//! RFC 8252 §7.3: a native application listens at whatever port of the loopback address is free, so its
//! redirect URI matches with any port, and in all else exactly.

use super::super::people::{
    Asked, CHALLENGE, PKCE, People, VERIFIER, claims_of, encoded, invalid_grant,
};
use super::*;

/// What is registered, and what a browser may be sent to because of it.
const MATCHES: [(&str, &str); 14] = [
    ("http://127.0.0.1/callback", "http://127.0.0.1/callback"),
    (
        "http://127.0.0.1/callback",
        "http://127.0.0.1:51004/callback",
    ),
    ("http://127.0.0.1/callback", "http://127.0.0.1:80/callback"),
    (
        "http://127.0.0.1:33418/callback",
        "http://127.0.0.1:1/callback",
    ),
    (
        "http://127.0.0.1:33418/callback",
        "http://127.0.0.1:65535/callback",
    ),
    (
        "http://127.0.0.1:33418/callback",
        "http://127.0.0.1/callback",
    ),
    ("http://127.0.0.1:33418", "http://127.0.0.1:9"),
    ("http://127.0.0.1?a=b", "http://127.0.0.1:9?a=b"),
    ("http://127.0.0.1/cb?a=b:1", "http://127.0.0.1:9/cb?a=b:1"),
    ("http://127.0.0.2/cb", "http://127.0.0.2:9/cb"),
    ("http://[::1]/callback", "http://[::1]:51004/callback"),
    ("http://[::1]:33418/callback", "http://[::1]:51004/callback"),
    ("http://[::1]:33418/callback", "http://[::1]/callback"),
    ("http://localhost:9/cb", "http://localhost:9/cb"),
];

/// The same, and where it may not.
const DIFFERS: [(&str, &str); 45] = [
    // Path and query.
    ("http://127.0.0.1/cb", "http://127.0.0.1:9/"),
    ("http://127.0.0.1/cb", "http://127.0.0.1:9/cb/"),
    ("http://127.0.0.1/cb", "http://127.0.0.1:9/CB"),
    ("http://127.0.0.1/cb", "http://127.0.0.1:9/x/../cb"),
    ("http://127.0.0.1/cb", "http://127.0.0.1:9/./cb"),
    ("http://127.0.0.1/cb", "http://127.0.0.1:9/%63b"),
    ("http://127.0.0.1/cb", "http://127.0.0.1:9/cb?"),
    ("http://127.0.0.1/cb", "http://127.0.0.1:9/cb?a=b"),
    ("http://127.0.0.1/cb", "http://127.0.0.1:9/cb#"),
    ("http://127.0.0.1/cb", "http://127.0.0.1:9/cb#a"),
    ("http://127.0.0.1", "http://127.0.0.1:9/"),
    ("http://127.0.0.1", "http://127.0.0.1:9#"),
    // The port.
    ("http://127.0.0.1/cb", "http://127.0.0.1:/cb"),
    ("http://127.0.0.1/cb", "http://127.0.0.1:0/cb"),
    ("http://127.0.0.1/cb", "http://127.0.0.1:080/cb"),
    ("http://127.0.0.1/cb", "http://127.0.0.1:+80/cb"),
    ("http://127.0.0.1/cb", "http://127.0.0.1:-1/cb"),
    ("http://127.0.0.1/cb", "http://127.0.0.1:0x50/cb"),
    ("http://127.0.0.1/cb", "http://127.0.0.1:65536/cb"),
    ("http://127.0.0.1/cb", "http://127.0.0.1:99999/cb"),
    ("http://127.0.0.1/cb", "http://127.0.0.1:8 0/cb"),
    ("http://127.0.0.1/cb", "http://127.0.0.1:80:80/cb"),
    ("http://127.0.0.1/cb", "http://127.0.0.1:\u{661}/cb"),
    ("http://[::1]/cb", "http://[::1]:/cb"),
    ("http://[::1]/cb", "http://[::1]9/cb"),
    // Scheme and host.
    ("http://127.0.0.1/cb", "https://127.0.0.1:9/cb"),
    ("http://127.0.0.1/cb", "HTTP://127.0.0.1:9/cb"),
    ("http://127.0.0.1/cb", "http:/127.0.0.1:9/cb"),
    ("http://127.0.0.1/cb", "http://localhost:9/cb"),
    ("http://127.0.0.1/cb", "http://[::1]:9/cb"),
    ("http://[::1]/cb", "http://127.0.0.1:9/cb"),
    ("http://[::1]/cb", "http://[0:0:0:0:0:0:0:1]:9/cb"),
    ("http://[::1]/cb", "http://[::2]:9/cb"),
    ("http://127.0.0.1/cb", "http://127.0.0.2:9/cb"),
    ("http://127.0.0.1/cb", "http://127.1:9/cb"),
    ("http://127.0.0.1/cb", "http://0x7f.0.0.1:9/cb"),
    ("http://127.0.0.1/cb", "http://127.0.0.1.:9/cb"),
    ("http://127.0.0.1/cb", "http://a@127.0.0.1:9/cb"),
    ("http://127.0.0.1/cb", "http://127.0.0.1:9@evil.example/cb"),
    (
        "http://127.0.0.1/cb",
        "http://127.0.0.1:9\\@evil.example/cb",
    ),
    ("http://127.0.0.1/cb", "http://127.0.0.1.evil.example:9/cb"),
    // What stays exact.
    ("http://localhost/cb", "http://localhost:9/cb"),
    ("http://localhost:1/cb", "http://localhost:9/cb"),
    ("https://app.example/cb", "https://app.example:9/cb"),
    ("https://127.0.0.1/cb", "https://127.0.0.1:9/cb"),
];

/// A realm with the client `native`, which is public and has that URI.
fn people(registered: &str) -> People {
    let people = People::new();
    people.register("native", |client| {
        client.secrets.clear();
        client.token_endpoint_auth_method = edge_token::auth_method::AuthMethod::None;
        client.redirect_uris = vec![registered.to_owned()];
        client.post_logout_redirect_uris = vec![registered.to_owned()];
    });
    people
}

fn query(redirect_uri: &str) -> String {
    let redirect_uri = encoded(redirect_uri);
    format!("response_type=code&client_id=native&scope=openid&redirect_uri={redirect_uri}{PKCE}")
}

impl People {
    /// Pushes a request of `native`, and brings its URI.
    fn authorize_pushed(&self, redirect_uri: &str) -> Answer {
        let pushed = self.send(&post("/par", &query(redirect_uri)));
        assert_eq!(pushed.status(), 201, "{}", pushed.response.body);
        let request_uri = pushed.text("request_uri");
        self.authorize(&format!("client_id=native&request_uri={request_uri}"))
    }

    /// Goes on to where the browser is sent.
    fn sent_to(&self, asked: &Asked) -> String {
        assert_eq!(self.accept(asked, json!({})).status(), 200);
        let resumed = self.resume(asked);
        resumed.header("location").unwrap().to_owned()
    }

    fn redeem_native(&self, code: &str, redirect_uri: &str) -> Answer {
        let redirect_uri = encoded(redirect_uri);
        let form = format!(
            "grant_type=authorization_code&client_id=native&code={code}\
             &redirect_uri={redirect_uri}&code_verifier={VERIFIER}"
        );
        self.send(&post("/token", &form))
    }

    fn end_session(&self, id_token: &str, target: &str) -> Answer {
        let target = encoded(target);
        self.send(&Request {
            method: "GET",
            path: "/logout",
            query: &format!("id_token_hint={id_token}&post_logout_redirect_uri={target}"),
            ..Request::default()
        })
    }
}

#[test]
fn a_loopback_address_matches_with_any_port_up_to_the_tokens_and_at_the_end() {
    for (registered, uri) in MATCHES {
        for is_pushed in [false, true] {
            let people = people(registered);
            let answer = match is_pushed {
                true => people.authorize_pushed(uri),
                false => people.authorize(&query(uri)),
            };
            let location = people.sent_to(&Asked::read(&answer));
            // The browser goes to the port that was asked for.
            let separator = if uri.contains('?') { '&' } else { '?' };
            let rest = location.strip_prefix(uri).expect(&location);
            assert!(rest.starts_with(&format!("{separator}code=")), "{location}");
            let (_, code) = rest.split_once("code=").unwrap();
            let code = code.split('&').next().unwrap();
            // RFC 6749 §4.1.3: the code needs the URI that was asked for, not the registered one.
            if registered != uri {
                let other = people.redeem_native(code, registered);
                assert_eq!(other.error(), invalid_grant(), "{registered}");
            }
            let tokens = people.redeem_native(code, uri);
            let id_token = tokens.text("id_token");
            assert_eq!(claims_of(&id_token)["aud"], "native");
            let ended = people.end_session(&id_token, uri);
            assert_eq!(ended.header("location"), Some(uri), "{registered}");
        }
    }
}

#[test]
fn all_else_of_a_redirect_uri_stays_exact() {
    for (registered, uri) in DIFFERS {
        let people = people(registered);
        let page = people.authorize(&query(uri));
        assert_eq!(page.status(), 400, "{registered} {uri}");
        assert_eq!(page.header("location"), None);
        let pushed = people.send(&post("/par", &query(uri)));
        assert_eq!(pushed.error(), (400, "invalid_request".into()), "{uri}");
        assert_eq!(people.fixture.store.families(), 0);

        let answer = people.authorize(&query(registered));
        let location = people.sent_to(&Asked::read(&answer));
        let (_, code) = location.split_once("code=").unwrap();
        let code = code.split('&').next().unwrap();
        let tokens = people.redeem_native(code, registered);
        let ended = people.end_session(&tokens.text("id_token"), uri);
        assert_eq!(ended.status(), 400, "{registered} {uri}");
        assert_eq!(ended.header("location"), None);
    }
}

#[test]
fn an_error_goes_to_the_port_that_was_asked_for_too() {
    let people = people("http://127.0.0.1:33418/callback");
    let uri = "http://127.0.0.1:51004/callback";
    let asked = query(uri).replace(CHALLENGE, "x");
    let location = people.authorize(&asked);
    let location = location.header("location").unwrap();
    assert!(
        location.starts_with(&format!("{uri}?error=invalid_request&")),
        "{location}"
    );
}
