//! Hello in Rust, on lambda_runtime.

use lambda_runtime::{run, service_fn, Error, LambdaEvent};
use serde_json::{json, Value};

async fn handle(given: LambdaEvent<Value>) -> Result<Value, Error> {
    let name = given.payload["name"].as_str().unwrap_or("you");
    println!("greeting {name}");
    Ok(json!({ "message": format!("Hello, {name}!") }))
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    run(service_fn(handle)).await
}
