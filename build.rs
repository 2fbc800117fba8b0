//! Turns the `.proto` files under `proto/` into Rust, without `protoc`: `protox` parses, `tonic-prost-build` writes.
//!
//! Leaves in `OUT_DIR` one `<package>.rs` for each package, and `tierline_descriptor.bin`, the public contract as a
//! file descriptor set for the reflection service. Adding a `.proto` file needs no change here.

use std::error::Error;
use std::path::{Path, PathBuf};
use std::{env, fs};

use prost::Message as _;

const ROOT: &str = "proto";

fn main() -> Result<(), Box<dyn Error>> {
    // A directory covers the files in it and below, so a new file triggers a build as well.
    println!("cargo::rerun-if-changed={ROOT}");

    let mut protos = Vec::new();
    find(Path::new(ROOT), &mut protos)?;
    // What is generated must not depend on the order in which the file system lists it.
    protos.sort();

    let mut set = protox::compile(&protos, [ROOT])?;
    tonic_prost_build::configure()
        // Payloads are passed on, not read: sharing them is cheaper than copying.
        .bytes(".")
        // A map with an order of its own encodes to the same bytes everywhere.
        .btree_map(".")
        // An answer is moved many times on its way out: an assignment, with all that is known of its ticket, goes
        // by reference.
        .boxed(".tierline.v1.PullTicketResponse.result.assignment")
        .codec_path("crate::api::codec::VecCodec")
        .emit_rerun_if_changed(false)
        .compile_fds(set.clone())?;

    // The journal's records and the bench's ceilings are nobody's contract but our own: reflection does not show
    // them. The comments stay in, for clients that print them.
    let ours = ["tierline.journal.", "tierline.bench."];
    set.file.retain(|file| !ours.iter().any(|package| file.package().starts_with(package)));
    let out = PathBuf::from(env::var("OUT_DIR")?).join("tierline_descriptor.bin");
    fs::write(out, set.encode_to_vec())?;
    Ok(())
}

fn find(directory: &Path, found: &mut Vec<PathBuf>) -> Result<(), Box<dyn Error>> {
    let entries = fs::read_dir(directory)
        .map_err(|error| format!("cannot list {}: {error}", directory.display()))?;
    for entry in entries {
        let path = entry?.path();
        if path.is_dir() {
            find(&path, found)?;
        } else if path.extension().is_some_and(|extension| extension == "proto") {
            found.push(path);
        }
    }
    Ok(())
}
