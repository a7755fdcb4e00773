"""Parameters that belong together, as small frozen objects: update rules, schedules, dropout and so on."""
