//! The floor of a Worker in Rust: what the SDK takes for a request of which nothing is done.

#![cfg(target_arch = "wasm32")]

use worker::{Context, Env, Request, Response, Result, event};

#[event(fetch)]
async fn fetch(_: Request, _: Env, _: Context) -> Result<Response> {
    Response::ok("Hello, World!")
}
