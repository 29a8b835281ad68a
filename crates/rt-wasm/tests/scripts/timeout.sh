timeout 1 sleep 5; echo $?; timeout 2 echo ok; nohup echo nh 2>/dev/null
