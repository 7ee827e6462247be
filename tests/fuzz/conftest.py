"""The fuzzer's own files are a program, started from this folder, and no tests."""

collect_ignore = ["fuzz.py", "mutations.py", "rooms.py", "seeds.py"]
