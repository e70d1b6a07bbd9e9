"""What leaves Tollway for other programs: columns and files of logs, ledger and analytics, jobs that export them, and sealing."""
