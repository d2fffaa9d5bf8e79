//! FAPI 2.0, and what suites that certify servers try: what a realm can require of its clients, and
//! the ways of a person that those suites go.

mod conformance;
mod form_post;
mod profile;
mod redirect_uri;
mod request_uris;
mod sign_out;
mod userinfo;

use crate::people::*;
use crate::signed::*;
use crate::*;

/// A realm with people under the profile, with more members.
fn fapi2(mut more: Value) -> People {
    more["profile"] = json!("fapi2");
    People::with(more)
}

impl People {
    /// Sends a form with a proof by the key of a client, if any (RFC 9449 §4).
    fn prove(&self, path: &str, id: &str, form: &str, key: Option<u8>) -> Answer {
        let nonce = self.send(&Request {
            dpop: Some("x"),
            ..post("/token", "")
        });
        let nonce = nonce.header("dpop-nonce").unwrap().to_owned();
        let proof = key.map(|octet| {
            Signed::proof(&format!("{ISSUER}{path}"), &nonce)
                .claim("jti", format!("p{}", self.draws.get()))
                .with_jwk(public_jwk(octet))
                .signed_by(octet)
                .text()
        });
        let authorization = basic(id, SECRET);
        self.send(&Request {
            authorization: Some(&*authorization).filter(|_| id != "spa"),
            dpop: proof.as_deref(),
            ..post(path, &format!("{form}&client_id={id}"))
        })
    }

    /// Pushes a request of a client, with the redirect URI.
    fn push(&self, id: &str, more: &str) -> Answer {
        let uri = encoded(CALLBACK);
        let form = format!("response_type=code&redirect_uri={uri}&state=s%26t{more}");
        self.prove("/par", id, &form, None)
    }

    /// Brings a request URI in a browser.
    fn visit(&self, id: &str, pushed: &Answer, cookie: Option<&str>) -> Answer {
        let uri = encoded(&pushed.text("request_uri"));
        self.send(&Request {
            method: "GET",
            path: "/authorize",
            query: &format!("client_id={id}&request_uri={uri}"),
            cookie,
            ..Request::default()
        })
    }

    /// A code that came of a pushed request.
    fn pushed_code(&self, id: &str, more: &str) -> String {
        let asked = Asked::read(&self.visit(id, &self.push(id, more), None));
        assert_eq!(self.accept(&asked, json!({})).status(), 200);
        self.resume(&asked).location("code").expect("a code")
    }
}

fn invalid_request() -> (u16, String) {
    (400, "invalid_request".into())
}
