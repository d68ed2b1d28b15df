//! What the kernel counted in this network namespace: a line of names, then one of values, for each of its tables.

/// All of `Tcp` and `TcpExt`; nothing where the files cannot be read.
pub fn read() -> Vec<(String, u64)> {
    let tables = ["/proc/self/net/snmp", "/proc/self/net/netstat"].map(std::fs::read_to_string);
    tables
        .into_iter()
        .flatten()
        .flat_map(|text| parse(&text))
        .collect()
}

fn parse(text: &str) -> Vec<(String, u64)> {
    let lines: Vec<&str> = text.lines().collect();
    let pairs = lines.chunks_exact(2).filter_map(|pair| {
        let (table, names) = pair[0].split_once(": ")?;
        let (_, values) = pair[1].split_once(": ")?;
        ["Tcp", "TcpExt"]
            .contains(&table)
            .then_some((names, values))
    });
    pairs
        .flat_map(|(names, values)| names.split(' ').zip(values.split(' ')))
        // MaxConn is -1.
        .filter_map(|(name, value)| Some((name.to_owned(), value.parse().ok()?)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn names_and_values_stand_in_lines_of_their_own() {
        let text = "Ip: Forwarding\nIp: 1\nTcp: MaxConn ActiveOpens\nTcp: -1 4\nTcpExt: PAWSEstab\nTcpExt: 2\n";
        let expected = [("ActiveOpens".to_owned(), 4), ("PAWSEstab".to_owned(), 2)];
        assert_eq!(parse(text), expected);
    }
}
