//! Tests of single verbs of a connection.
