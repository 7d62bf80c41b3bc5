//! generate-upload
fn main() {}
