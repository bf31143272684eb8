"""Bugs: findings become drafts, drafts become mails when somebody says so, replies come back.

In the order of the flow: ``suite`` which versions count, ``material`` what may be reported and why the rest is not,
``places`` where a maintainer can act, ``filing`` where to, ``text`` the words and ``evidence`` the tables in them,
``drafting`` the drafts, ``campaign`` the rules for many of them, ``developers`` the list that an announcement has,
``record`` the states, ``checks`` what never leaves, ``review``, ``mail`` the messages, ``transport`` and ``smtp`` how
they leave, ``sending`` the order of things, so that none is sent twice and none is lost; ``replies``, ``tracker`` and
``reading`` what comes back, ``proposals`` what to say to that.
"""
