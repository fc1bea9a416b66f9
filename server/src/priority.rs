//! Which threads give way to which, when there are more of them than processors.

/// How much less the threads that hash passwords weigh than the network thread, in steps of `nice`: at 10, a tenth.
pub const HASHING: i32 = 10;

/// As [`HASHING`], for the thread that writes to the disk: at 3, half.
pub const WRITING: i32 = 3;

/// From now on the calling thread gives way to the others by so many steps of `nice`. Where the system knows that for whole
/// processes only, or refuses, all stay equal.
pub fn give_way(steps: i32) {
    #[cfg(target_os = "linux")]
    if let Err(error) = rustix::process::nice(steps) {
        tracing::debug!(%error, "a thread stays as important as the others");
    }
    #[cfg(not(target_os = "linux"))]
    let _ = steps;
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use rustix::process::getpriority_process;

    use super::*;

    #[test]
    fn a_thread_gives_way_and_the_others_stay_as_they_are() {
        let before = getpriority_process(None).unwrap();
        let given = std::thread::spawn(|| {
            give_way(WRITING);
            let inherited = std::thread::spawn(|| getpriority_process(None).unwrap());
            (getpriority_process(None).unwrap(), inherited.join().unwrap())
        });
        let less = (before + WRITING).min(19);
        assert_eq!(given.join().unwrap(), (less, less), "so does a thread that it starts");
        assert_eq!(getpriority_process(None).unwrap(), before);
    }
}
