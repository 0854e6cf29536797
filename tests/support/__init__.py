"""What tests of several rooms share: a scripted upstream, a small bundle, a gateway on a real socket."""
