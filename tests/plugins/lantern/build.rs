//! Compiles the protocol descriptions.

fn main() -> Result<(), wirebook_codegen::Error> {
    wirebook_codegen::compile("protocols")
}
