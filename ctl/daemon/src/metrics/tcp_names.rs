//! Metric names of TCP counters, from Linux's names for them.

/// `RetransSegs` becomes `coremill_tcp_retrans_segs_total`, `TCPSynRetrans`
/// `coremill_tcp_syn_retrans_total`, `PAWSEstab` `coremill_tcp_paws_estab_total`.
pub fn metric_name(linux: &str) -> String {
    let bare = linux.strip_prefix("TCP").unwrap_or(linux);
    let letters: Vec<char> = bare.chars().collect();
    let mut name = String::from("coremill_tcp_");
    for (index, letter) in letters.iter().enumerate() {
        let before = index.checked_sub(1).and_then(|index| letters.get(index));
        let after = letters.get(index + 1);
        let starts_word = letter.is_ascii_uppercase()
            && before.is_some_and(|before| {
                // A word begins where upper case follows lower case, or ends a run of capitals.
                !before.is_ascii_uppercase() || after.is_some_and(char::is_ascii_lowercase)
            });
        // A plural of capitals, as in `DelayedACKs`, is one word.
        let plural =
            after == Some(&'s') && letters.get(index + 2).is_none_or(char::is_ascii_uppercase);
        if starts_word
            && !(plural && before.is_some_and(char::is_ascii_uppercase))
            && *letter != '_'
        {
            name.push('_');
        }
        name.push(letter.to_ascii_lowercase());
    }
    // `_bytes_total` and the like stay as they are.
    name.push_str("_total");
    name
}
