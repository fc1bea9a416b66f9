//! Has the server built anew when the page was.

use std::fs;

fn main() {
    // A folder that is missing would count as changed on every build.
    let _ = fs::create_dir_all("../web/app/dist");
    println!("cargo::rerun-if-changed=../web/app/dist");
}
