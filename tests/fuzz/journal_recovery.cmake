kronika_fuzz(fuzz_journal_recovery
  SOURCES journal_recovery.cc
  DEPS kronika_journal
  PLANTED journal-trusts-length)
