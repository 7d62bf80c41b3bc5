//! salesforce-simulator
fn main() {}
